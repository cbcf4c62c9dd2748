import * as chat from "./chat.js";
import { $, ask, el, kept, plural } from "./dom.js";
import { toLatest } from "./log.js";
import * as sender from "./sender.js";
import { complete } from "./typing.js";
import { bucket } from "./wire.js";

const LONG = 10; // lines: announced first
const box = $("text");
const list = $("options");
const drafts = kept("drafts");
const typed = []; // the latest first
let back = -1; // which of them is back in the box
let offered;
let chosen;

export function open() {
	set(drafts[chat.active.key]);
	if (matchMedia("(hover: hover)").matches) box.focus(); // else a keyboard would cover the screen
}

function set(text = "") {
	box.value = text;
	changed();
}

function changed(options) {
	if (intercept()) return;
	drafts[chat.active.key] = box.value || undefined;
	kept("drafts", drafts);
	box.style.height = "auto";
	box.style.height = `${box.scrollHeight + 2}px`;
	offer(options);
}

async function submit() {
	const { value: text } = box;
	const room = chat.active;
	const count = sender.lines(text).length;
	if (!count || intercept(true)) return;
	const note = `That takes about ${plural(Math.ceil(bucket.wait(count) / 1000), "second")}.`;
	if (count >= LONG && !(await ask(`Send ${count} lines?`, [], "Send", note))) return;
	typed.unshift(text);
	room.mark = null;
	set();
	await toLatest();
	const [, command, name, rest] = /^\s*\/(join|part|msg)\s*(\S*)\s*(.*)$/i.exec(text) ?? [];
	if (command === "join" && name) enter(name, rest);
	else if (command === "part") leave(chat.rooms.get(name) ?? room);
	else if (command === "msg" && name) {
		chat.show(chat.expect(name, true));
		if (rest) sender.say(chat.active, rest);
	} else sender.say(room, text);
}

export async function enter(name, key) {
	try {
		await chat.enter(name, key);
	} catch ({ code, text }) {
		if (code !== "room_key") return chat.tell(chat.active, text, "error");
		const given = await ask(
			`Join ${name}`,
			[["key", "Key of the room", { class: "secret" }]],
			"Join",
			key && "This is not its key."
		);
		if (given) await enter(name, given.key);
	}
}

export const leave = room => chat.part(room).catch(({ text }) => chat.tell(room, text, "error"));

box.onkeydown = event => {
	const { key, shiftKey, ctrlKey, metaKey, altKey, isComposing } = event;
	if (shiftKey || ctrlKey || metaKey || altKey || isComposing) return;
	const arrow = { ArrowUp: 1, ArrowDown: -1 }[key];
	// What is offered may stand there already.
	const done = key === "Enter" && offered?.options[chosen].value.trim() === box.value.trim();
	if (offered && arrow) offer(offered, chosen - arrow);
	else if (offered && key === "Escape") offer();
	else if (offered && /Tab|Enter/.test(key) && !done) take();
	else if (key === "Enter") submit();
	else if (key === "Tab" && completion(true)) {
		offer(completion(true));
		if (!offered.options[1]) take();
	} else if (arrow && (!box.value || back >= 0)) {
		back = Math.max(-1, Math.min(typed.length - 1, back + arrow));
		set(typed[back]);
	} else return;
	event.preventDefault();
};
box.oninput = () => {
	back = -1;
	changed(completion());
};
box.onblur = () => offer();
list.onmousedown = event => event.preventDefault(); // the box keeps the focus
$("composer").onsubmit = event => (event.preventDefault(), submit());

function completion(eager) {
	const names = Array.from(chat.active.members.values(), ({ name }) => name);
	return complete(box.value, box.selectionStart, names, chat.commands, eager);
}

function offer(options, which = 0) {
	const all = options?.options ?? [];
	offered = options;
	chosen = (which + all.length) % all.length;
	list.hidden = !options;
	const option = ({ label, help }, i) => {
		const onclick = () => take(i);
		const attributes = { "id": `o${i}`, "role": "option", "aria-selected": i === chosen, onclick };
		return el("li", attributes, el("b", label), " ", el("small", help));
	};
	list.replaceChildren(...all.map(option));
	list.children[chosen]?.scrollIntoView({ block: "nearest" });
	box.setAttribute("aria-activedescendant", options ? `o${chosen}` : "");
}

function take(which = chosen) {
	box.setRangeText(offered.options[which].value, offered.from, box.selectionStart, "end");
	changed();
}

// Passwords must not be seen while they are typed, nor be kept.

const SECRET = /^\s*\/(register|login|passwd|unregister)(\s|$)/i;
const NEW = ["new", "New password", { type: "password", autocomplete: "new-password" }];
const OLD = ["old", "Password", { type: "password", autocomplete: "current-password" }];
const ASKED = {
	register: ["Keep this name for me", NEW],
	unregister: ["Give this name up", OLD],
	login: ["Log in", ["name", "Name"], OLD],
	passwd: ["Change the password", OLD, NEW]
};

function intercept(whole) {
	const [, command, space] = SECRET.exec(box.value) ?? [];
	if (!command || !(space || whole)) return false;
	set();
	run(command.toLowerCase())[1]?.();
	return true;
}

// A menu's entry that runs a command, and asks for `fields` before.
export function run(command, line, label = ASKED[command][0], ...fields) {
	if (!fields[0]) fields = ASKED[command]?.slice(1) ?? [];
	const act = async () => {
		const who = ["", "", { value: chat.name, autocomplete: "username", hidden: "" }]; // for password managers
		const given = fields[0] ? await ask(label, [who, ...fields], "OK") : {};
		if (given) chat.command(chat.active, [`/${command}`, line, ...Object.values(given)].filter(Boolean).join(" "));
	};
	return chat.commands.some(({ name }) => name === command) && [fields[0] ? `${label} …` : label, act];
}
