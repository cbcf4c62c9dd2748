import { credentials } from "./account.js";
import { remove } from "./history.js";
import * as chat from "./chat.js";
import { $, ask, el, plural } from "./dom.js";
import * as drafts from "./drafts.js";
import { named } from "./emoji.js";
import { toLatest } from "./log.js";
import * as sender from "./sender.js";
import { complete } from "./typing.js";

const LONG = 3; // messages: announced first
const SHOWN = 5; // of the lines that are asked about
const box = $("text");
const list = $("options");
const reason = $("reason");
const typed = []; // the latest first
let back = -1; // which of them is back in the box
let strokes = 0; // how often the box was changed by hand
let offered;
let chosen;

export function open() {
	reason.textContent = "";
	set(drafts.kept(chat.active.key).text);
	if (matchMedia("(hover: hover)").matches) box.focus(); // else a keyboard would cover the screen
}

function set(text = "") {
	box.value = text;
	changed();
}

drafts.start(text => {
	reason.textContent = "";
	strokes++;
	back = -1;
	set(text);
});

export function changed(options) {
	if (intercept()) return;
	if (chat.active) drafts.keep(chat.active.key, sender.mayHide(box.value) ? "" : box.value);
	box.style.height = "auto";
	box.style.height = `${box.scrollHeight + 2}px`;
	offer(options);
}

// Nothing of who was here stays.
export function forget() {
	typed.length = 0;
	back = -1;
	reason.textContent = "";
	set();
}

async function submit() {
	const { value: text } = box;
	const room = chat.active;
	const messages = sender.messages(text);
	if (intercept(true)) return;
	if (!messages[0]) return drafts.isEdit(room) && removal(room, room.find(drafts.current(room).seq));
	const why = refusal(room, messages);
	reason.textContent = why;
	if (why) return;
	if (drafts.isEdit(room))
		return drafts.save(room, messages[0]).catch(({ text }) => {
			if (chat.active === room) reason.textContent = text;
			else chat.tell(room, text, "error");
		});
	if (!(await confirmed(messages))) return;
	if (!sender.mayHide(messages.join("\n"))) typed.unshift(text);
	room.mark = null;
	// A command answers nothing: what was to be answered is still there.
	const answered = sender.isCommand(messages[0]) ? undefined : drafts.current(room);
	drafts.keep(room.key, "", answered ? null : undefined);
	if (chat.active === room) set();
	if (here(room, text)) return;
	sender.say(room, text, answered);
	if (chat.active === room) toLatest();
}

const isText = line => !sender.isCommand(line) || /^\/me\s/i.test(sender.slashed(line));
const linesOf = messages => messages.flatMap(text => text.split("\n"));

// Why nothing of it may be said: then it stays in the box.
function refusal(room, messages) {
	const [first] = messages;
	if (sender.isCommand(first) && linesOf(messages)[1])
		return "Nothing was sent: the first line is a command, and a command is one line alone. Two slashes, as in //me, are text.";
	if (!isText(first) && !drafts.isEdit(room)) return "";
	return room.gone ? `Nothing was sent. ${room.gone}` : drafts.refusal(room, messages);
}

async function confirmed(messages) {
	const lines = linesOf(messages);
	const slashed = lines.slice(1).filter(sender.slashed);
	if (!slashed[0]) return messages.length < LONG || ask(`Send ${messages.length} messages?`, [], "Send");
	const note = el("div", "This begins like a command. It would be read by all who are here:", el("ul.asked"));
	note.lastChild.append(...slashed.slice(0, SHOWN).map(line => el("li", line)));
	return ask(`Say ${plural(slashed.length, "line")} with a slash in front as text?`, [], `Send ${plural(lines.length, "line")}`, note, true);
}

// Commands that this page carries out itself. Whether it was one.
function here(room, text) {
	const [, command, name, rest] = /^(\S*)\s*(\S*)\s*([^]*)/.exec(sender.slashed(text).trim());
	switch (command.toLowerCase()) {
		case "/join":
			if (name) enter(name, rest);
			return !!name;
		case "/part": {
			const meant = name ? chat.roomTyped(name) : room;
			if (meant) leave(meant);
			return !!meant;
		}
		case "/msg": {
			if (!name) return false;
			const direct = chat.directTo(name, true);
			chat.show(direct);
			if (rest) sender.addText(direct, rest);
			sender.pump();
			return true;
		}
		case "/room":
			if (!rest || !/^key$/i.test(name)) return false;
			chat.command(room, "room", { setting: "key", value: rest });
			return true;
		case "/quit":
			chat.ui.leave();
			return true;
		case "/logout":
			chat.logout();
			return true;
	}
	return false;
}

export async function enter(name, key) {
	const before = chat.active;
	const then = strokes;
	try {
		const room = await chat.enter(name, key);
		if (chat.active === before && strokes === then) chat.show(room);
		else if (chat.active !== room) chat.tell(chat.active, `You have come into ${room.name}. `, "invited", room.name);
	} catch ({ code, text }) {
		if (code !== "room_key") return chat.tell(before, text, "error");
		const fields = [["key", "Key of the room", { class: "secret" }]];
		const given = await ask(`Join ${name}`, fields, "Join", key && "This is not its key.");
		if (given) await enter(name, given.key);
	}
}

export async function removal(room, item) {
	const note = "Nobody can read it any more, wherever it is shown.";
	if (item && (await ask("Delete this message?", [], "Delete", note))) await remove(room, item);
	$("log").focus({ preventScroll: true });
}

export async function leave(room) {
	const unsaid = sender.unsaid(room);
	if (unsaid && !(await ask(`Leave ${room.name}?`, [], "Leave", `${plural(unsaid, "line")} of yours would be lost.`)))
		return;
	await chat.part(room).catch(chat.failed(room));
}

box.onkeydown = event => {
	const { key, shiftKey, ctrlKey, metaKey, altKey, isComposing, keyCode } = event;
	// Safari ends a composition before it tells of the Enter that did so, and marks that by 229 alone.
	if (shiftKey || ctrlKey || metaKey || altKey || isComposing || keyCode === 229) return;
	const step = { ArrowUp: 1, ArrowDown: -1 }[key];
	// In several lines they move the cursor.
	const [above, below] = [box.value.slice(0, box.selectionStart), box.value.slice(box.selectionEnd)];
	const arrow = (step > 0 ? above : below).includes("\n") ? 0 : step;
	// What is offered may stand there already.
	const done = key === "Enter" && (offered?.options[chosen] ?? box).value.trim() === box.value.trim();
	if (offered && step) offer({ ...offered, loose: false }, chosen < 0 ? 0 : chosen - step);
	else if (offered && key === "Escape") offer();
	else if (key === "Escape" && drafts.leave()) reason.textContent = "";
	else if (offered && /Tab|Enter/.test(key) && !done) take();
	else if (key === "Enter") submit();
	else if (key === "Tab" && completion(true)) {
		offer(completion(true));
		if (!offered.options[1]) take();
	} else if (arrow && back < 0 && changesOwn() && drafts.changeOwn(arrow)) {
	} else if (arrow && !drafts.isEdit(chat.active) && (!box.value || back >= 0)) {
		back = Math.max(-1, Math.min(typed.length - 1, back + arrow));
		set(typed[back]);
	} else return;
	event.preventDefault();
};
box.oninput = () => {
	back = -1;
	strokes++;
	reason.textContent = "";
	const { from, value } = named(box.value.slice(0, box.selectionStart)) ?? {};
	if (value) box.setRangeText(value, from, box.selectionStart, "end");
	changed(completion());
};

// Up leads to the last message, or to the command that was typed behind it.
const changesOwn = () => drafts.isEdit(chat.active) || (!box.value && !(typed[0] && sender.isCommand(typed[0])));

box.onblur = () => offer();
list.onmousedown = event => event.preventDefault(); // the box keeps the focus
$("composer").onsubmit = event => (event.preventDefault(), submit());

function completion(eager) {
	const names = Array.from(chat.active.members?.values() ?? [], ({ name }) => name);
	const rooms = [...chat.rooms.keys()];
	const values = new Map(Object.entries({ member: names, room: rooms, switch: ["on", "off"] }));
	const { value, selectionStart } = box;
	return complete(value, selectionStart, values, chat.commands, eager, sender.commandIn(value)?.arguments);
}

function offer(options, which = 0) {
	const all = options?.options ?? [];
	offered = options;
	chosen = options?.loose ? -1 : (which + all.length) % all.length;
	list.hidden = !options;
	const option = ({ label, help }, i) => {
		const onclick = () => take(i);
		const attributes = { "id": `o${i}`, "role": "option", "aria-selected": i === chosen, onclick };
		return el("li", attributes, el("b", label), " ", el("small", help));
	};
	list.replaceChildren(...all.map(option));
	list.children[chosen]?.scrollIntoView({ block: "nearest" });
	box.setAttribute("aria-activedescendant", all[chosen] ? `o${chosen}` : "");
}

function take(which = Math.max(chosen, 0)) {
	box.setRangeText(offered.options[which].value, offered.from, box.selectionStart, "end");
	strokes++;
	changed();
}

// A command that needs a secret is not typed to its end: that must not be seen.
function intercept(whole) {
	const line = sender.slashed(box.value);
	const { name, arguments: all = [] } = sender.commandIn(line) ?? {};
	const asks = all.some(({ kind, optional }) => kind === "secret" && !optional);
	if (!asks || !(whole || /\s/.test(line)) || line.trim().includes("\n")) return false;
	set();
	(credentials(name) || run(name, {}, `/${name}`))[1]();
	return true;
}

// A menu's entry that runs a command where the menu was opened. It asks for what is not in `args`, or for `fields`.
export function run(command, args, label, ...fields) {
	const room = chat.active;
	const known = chat.known(command);
	const left = known?.arguments?.filter(({ name }) => !(name in args)) ?? [];
	if (!fields[0]) fields = left.map(fieldOf);
	const act = async () => {
		const given = fields[0] ? await ask(label, fields, "OK") : {};
		if (given) chat.command(room, command, { ...args, ...given });
	};
	return known && [fields[0] ? `${label} …` : label, act];
}

function fieldOf({ name, kind, optional }) {
	const label = name[0].toUpperCase() + name.slice(1) + (kind === "duration" ? " (10m, 2h, 7d)" : "");
	return [name, label, { required: optional ? null : "", class: kind }];
}
