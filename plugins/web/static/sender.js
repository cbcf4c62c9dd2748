// What we say: in order, no faster than the server likes, and never lost. It goes where it was written, or nowhere.

import { apply, isGone, reach } from "./history.js";
import * as chat from "./chat.js";
import { end } from "./conversations.js";
import { UNSEEN } from "./text.js";
import { bytesOf, linesOf } from "./typing.js";
import { bucket } from "./wire.js";

const SLASH = new RegExp(`^${UNSEEN}*(?=/)`, "u"); // before a slash that is the first to be seen
// What means the last one, which may be another once we are back.
const LAST = /^\/(reply|delete(?!\s+#*\d)|(re|edit|react)(?!\s+#*[1-9]\d*\s+\S))(\s|$)/i;
const NO_LIMIT = 1e5; // bytes of a line, where the server has none
const GONE = { code: "unknown_message", text: "What you answer is gone." };
const SPARE = 64; // bytes: the id of a new conversation
const STATES = new Map([
	["lost", "unsure"],
	["not_stored", "unkept"] // it was said, and must not be said again
]);

const queue = []; // {room, item}: a message; {room, line}: a command
const opening = new Set(); // direct conversations whose first message is on its way: their id comes with its answer
const held = new Set(); // conversations where an answer waits until it is known what its number means
let timer;

// Each fits into a frame, with a slash.
export function lines(text, room = chat.active) {
	const frame = bytesOf({ type: "say", ...room.address, text: "/", ref: 1e9 });
	return linesOf(text, (chat.limits.frame_bytes || NO_LIMIT) - frame - SPARE);
}

// One, if that fits: an end is two bytes. Fenced code goes by lines.
export function messages(text, room) {
	const all = lines(text, room);
	const one = all.join("\n");
	return all[100] || /^```/m.test(one) || lines(one.replaceAll("\n", "--"), room)[1] ? all : [one];
}

// From the slash on, where that is the first to be seen; else nothing.
export const slashed = line => (SLASH.test(line) ? line.replace(SLASH, "") : "");
const before = line => line.slice(0, line.length - slashed(line).length);
export const isCommand = line => /^\/(?!\/)/.test(slashed(line));

// Of several lines none is a command.
// `answered`: the message that the first of them answers.
export function say(room, text, answered) {
	const all = messages(text, room);
	for (const [i, line] of all.entries()) {
		const typed = slashed(line);
		const to = i ? undefined : answered;
		if (all[1] || line.includes("\n") || !typed) addText(room, line, to);
		else if (isCommand(line)) runLine(room, typed);
		else addText(room, unescaped(line), to);
	}
	pump();
}

// As text, whatever it begins with.
export const addText = (room, text, answered) => add(room, text, escaped(text), false, answered);

// "/x" as one types it: "//x", and what that says.
export function escaped(text) {
	const typed = slashed(text);
	return typed ? `${before(text)}/${typed}` : text;
}
export const unescaped = line => (slashed(line)[1] === "/" ? before(line) + slashed(line).slice(1) : line);

function runLine(room, line) {
	const action = /^\/me\s+(.+)/i.exec(line)?.[1];
	if (action) add(room, action, line, true);
	else queue.push({ room, line });
}

// Lines, and seconds.
export const waiting = () => [queue.length, Math.ceil(bucket.wait(queue.length) / 1000)];

// What of ours is still to be said there, or was not.
export const unsaid = room => room.items.filter(({ state }) => /^(queued|failed|unsure)$/.test(state)).length;

export function pump() {
	clearTimeout(timer);
	held.clear();
	let ms;
	let next;
	const isIn = chat.state === "in"; // else nothing goes but what is refused
	while ((next = queue.findIndex(canGo)) >= 0 && !(ms = isIn && bucket.wait(1))) {
		const [{ room, item, line }] = queue.splice(next, 1);
		if (item) send(room, item);
		else if (isIn) chat.command(room, line);
		else if (LAST.test(line)) chat.tell(room, `Not sent: ${line}\nOnce you are back, another may be the last.`, "error");
		else chat.tell(room, `${line.split(" ")[0]} was not run. ${room.gone}`, "error");
	}
	if (ms) timer = setTimeout(pump, ms);
	chat.changed();
}

function canGo({ room, item, line }) {
	if (item?.answered && room.checking && !room.gone) held.add(room);
	return chat.state === "in" ? !opening.has(room) && !held.has(room) : LAST.test(line) || (chat.state === "apart" && room.gone);
}

// After a loss, what was on its way has arrived, or it has not.
export function resolve(room) {
	for (const item of room.items.filter(({ state }) => state === "unsure")) {
		const same = ({ mine, seq, text, sender }) =>
			!mine && seq > item.since && text === item.text && sender === item.sender;
		const arrived = room.items.find(same);
		item.state = "failed";
		if (!arrived) continue;
		Object.assign(arrived, { mine: true, state: "stored" });
		room.remove(item);
	}
	pump();
}

export function add(room, text, wire, action, answered) {
	const said = { kind: "message", sender: chat.name, text, action, time: Date.now(), reactions: new Map() };
	const item = { ...said, wire, answered, reply_to: answered?.seq, mine: true, pending: true, state: "queued" };
	room.add(item);
	queue.push({ room, item });
}

async function send(room, item) {
	if (room.gone) return fail(room, item, { text: room.gone });
	if (item.answered && isGone(room, item.answered)) return fail(room, item, GONE);
	const written = room;
	Object.assign(item, { state: "sending", since: room.latest, rev_before: room.rev });
	if (room.direct && room.id === null) opening.add(room);
	try {
		let { seq, id, rev, conversation, with: name } = await chat.ask(room, item.wire, null, item.reply_to);
		if (room.direct) {
			room = chat.settle(written, conversation, name);
			for (const entry of queue) if (entry.room === written) entry.room = room;
			[seq, rev] = [room.latest + 1, 0];
		}
		item.state = "stored";
		room.read = room.latest = Math.max(room.latest, seq);
		room.settle(item, seq, id, rev);
		reach(room, rev);
		for (const event of room.recent) apply(room, event); // somebody was faster than the answer
	} catch (error) {
		fail(room, item, error);
	}
	opening.delete(written);
	pump();
}

function fail(room, item, { code, text }) {
	const state = room.direct && code === "lost" ? "failed" : (STATES.get(code) ?? "failed");
	if (code === "conversation_gone") end(room, text);
	if (code === "unknown_message") text = GONE.text;
	Object.assign(item, { state, why: text, alone: code === "unknown_message" });
	if (state === "unkept") room.settle(item, 0);
	chat.changed();
}

export function forget() {
	clearTimeout(timer);
	queue.length = 0;
	opening.clear();
}
