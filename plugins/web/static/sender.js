// What we say: in order, no faster than the server likes, and never lost. It goes where it was written, or nowhere.

import { apply, isGone } from "./changes.js";
import { fetchSaid } from "./pages.js";
import { isRead } from "./reading.js";
import { chat, ui } from "./state.js";
import * as requests from "./requests.js";
import * as talks from "./conversations.js";
import { UNSEEN } from "./text.js";
import { bytesOf, messagesOf } from "./typing.js";
import { bucket } from "./wire.js";

const SLASH = new RegExp(`^${UNSEEN}*(?=/)`, "u"); // before a slash that is the first to be seen
// Commands that may mean another one once we are back: what they name, or the last. So in greenchat/connect/stale.py.
const NAMING = /^\/(msg|invite|(un)?ignore|(de)?op|kick|(un)?ban|(un)?mute|room\s+owner)\s+\S/i;
const LAST =
	/^\/(reply|sessions\s+end|(delete|(un)?pin)(?!\s+#*[1-9]\d*\s*$)|(re|edit|react|report)(?!\s+#*[1-9]\d*\s+\S))(\s|$)/i;
const isStale = line => NAMING.test(line) || LAST.test(line);
const NUMBERED = /^\/(re|edit|react|delete|(un)?pin|report)\s/i; // what is none of those names a message
const NO_LIMIT = 1e5; // bytes of a frame, where the server has none
const SPARE = 128; // bytes: the key, and the id of a conversation that has none yet
const GONE = { code: "unknown_message", text: "What you answer is gone." };
const DOUBT = { text: "Perhaps this was said, as your connection was lost." };

const queue = []; // {room, item}: a message; {room, line, epoch}: a command
const opening = new Set(); // direct conversations whose first message is on its way: their id comes with its answer
const held = new Set(); // conversations where numbers of messages wait until it is known what they mean
const page = Math.random().toString(36).slice(2);
let serial = Date.now();
let timer;

// What is typed, as messages: each with a slash before it fits into a frame.
export function messages(text, room = chat.active) {
	const frame = bytesOf({ type: "say", ...room.address, text: "/", ref: 1e9 });
	return messagesOf(text, (chat.limits.frame_bytes || NO_LIMIT) - frame - SPARE);
}

// From the slash on, where that is the first to be seen; else nothing.
export const slashed = text => (SLASH.test(text) ? text.replace(SLASH, "") : "");
export const isCommand = text => /^\/(?!\/)/.test(slashed(text));

// The command that `line` runs, if we know it.
export const commandIn = line => chat.known(slashed(line).slice(1).split(/\s/, 1)[0].toLowerCase());

// Whether a secret may be in it, as it may in any command that we do not know.
const hides = line => isCommand(line) && (commandIn(line) ?? { private: true }).private;
export const mayHide = text => text.split("\n").some(hides);

// What begins like a command is one, if it is a line alone. `answered`: what the first message answers.
export function say(room, text, answered) {
	const all = messages(text, room);
	for (const [i, text] of all.entries())
		if (!all[1] && isCommand(text)) runLine(room, slashed(text));
		else addText(room, all[1] ? text : unescaped(text), i ? undefined : answered);
	pump();
}

// As text, whatever it begins with.
export const addText = (room, text, answered) => add(room, text, escaped(text), false, answered);

// "/x" as one types it: "//x", and what that says.
export const escaped = text => text.replace(SLASH, "$&/");
export const unescaped = text => (slashed(text)[1] === "/" ? text.replace("/", "") : text);

function runLine(room, line) {
	const action = /^\/me\s+(.+)/i.exec(line)?.[1];
	if (action) add(room, action, line, true);
	else queue.push({ room, line, epoch: room.epoch });
}

// Messages, and seconds.
export const waiting = () => [queue.length, Math.ceil(bucket.wait(queue.length) / 1000)];

// What of ours is still to be said there, or was not.
export const unsaid = room => room.items.filter(({ state }) => /^(queued|failed)$/.test(state)).length;

export function pump() {
	clearTimeout(timer);
	held.clear();
	let ms;
	let next;
	const isIn = chat.state === "in"; // else nothing goes but what is refused
	while ((next = queue.findIndex(canGo)) >= 0 && !(ms = isIn && bucket.wait(1))) {
		const [{ room, item, line, epoch }] = queue.splice(next, 1);
		if (item) send(room, item);
		else if (isIn ? NUMBERED.test(line) && epoch !== room.epoch : isStale(line))
			chat.tell(room, `Not sent: ${line}\nOnce you are back, it may mean another.`, "error");
		else if (isIn) run(room, line);
		else chat.tell(room, `${line.split(" ")[0]} was not run. ${room.gone}`, "error");
	}
	if (ms) timer = setTimeout(pump, ms);
	chat.changed();
}

function canGo({ room, item, line }) {
	if ((item ? item.answered : NUMBERED.test(line)) && room.checking && !room.gone) held.add(room);
	if (chat.state === "in") return !opening.has(room) && !held.has(room);
	return (line && isStale(line)) || (chat.state === "apart" && room.gone);
}

// What a command has said comes to all but us.
async function run(room, line) {
	const { id, seq, rev, conversation, with: name } = await requests.say(room, line).catch(requests.failed(room));
	if (id) fetchSaid(conversation ? talks.directWith(conversation, name) : room, seq, rev);
}

export function add(room, text, wire, action, answered) {
	const said = { kind: "message", sender: chat.name, text, action, time: Date.now(), reactions: new Map() };
	const key = page + serial++;
	const item = { ...said, wire, key, answered, reply_to: answered?.seq, mine: true, pending: true, state: "queued" };
	room.add(item);
	queue.push({ room, item });
}

// See "What was on its way" in PAGE.md.
async function send(room, item) {
	if (room.gone) return fail(room, item, { text: room.gone });
	const { answered } = item;
	// In the same epoch the server knows better: it may have been said.
	if (answered && answered.epoch !== room.epoch && isGone(room, answered)) return fail(room, item, GONE);
	item.stay ??= chat.stay;
	if (item.stay !== chat.stay) return fail(room, item, DOUBT);
	const written = room;
	item.state = "sending";
	if (room.direct && room.id === null) opening.add(room);
	try {
		const { seq, id, rev, conversation, with: name } = await requests.say(room, item.wire, item);
		if (room.direct) {
			room = settle(written, conversation, name);
			for (const entry of queue) if (entry.room === written) entry.room = room;
		}
		item.state = "stored";
		room.latest = Math.max(room.latest, seq);
		room.settle(item, seq, id, rev);
		isRead(room, seq, seq);
		for (const event of room.recent) apply(room, event); // somebody was faster than the answer
	} catch (error) {
		fail(room, item, error);
	}
	opening.delete(written);
	pump();
}

// What was written in `written` belongs to the conversation `id`. If we had that one already, it takes over.
function settle(written, id, name) {
	const direct = talks.directWith(id, name, written);
	if (direct !== written && written.id === null) {
		talks.merge(written, direct);
		ui.moved(written.key, direct.key);
		if (chat.active === written) chat.show(direct, true);
	}
	return direct;
}

function fail(room, item, { code, text }) {
	if (code === "lost") {
		item.state = "queued";
		const before = queue.filter(({ item }) => item?.stay).length;
		if (talks.all().includes(room)) queue.splice(before, 0, { room, item }); // else we have left
		return;
	}
	if (code === "conversation_gone") talks.end(room, text);
	if (code === "unknown_message") text = GONE.text;
	// What was not stored was said, and must not be said again.
	Object.assign(item, {
		state: code === "not_stored" ? "unkept" : "failed",
		why: text,
		alone: code === "unknown_message"
	});
	if (item.state === "unkept") room.settle(item, 0);
	chat.changed();
}

export function forget() {
	clearTimeout(timer);
	queue.length = 0;
	opening.clear();
}
