// What was typed and not sent, by the keys of conversations: {text, about}; see PAGE.md. Each tab and each name has its own.

import { edit, isGone, mayEdit, pointer } from "./changes.js";
import { lookUp } from "./pages.js";
import { keptInTab } from "./storage.js";
import { chat } from "./state.js";
import { $, button, describe, el, icon } from "./dom.js";
import * as log from "./log.js";
import { quotation } from "./looks.js";
import { escaped, isCommand, unescaped } from "./sender.js";

const drafts = new Map();
let owner = ""; // whose they are

export const kept = key => mine().get(key) ?? {};

export function keep(key, text, about = kept(key).about) {
	if (text || about) mine().set(key, { text, about });
	else mine().delete(key);
	store();
}

// Where one has written was found to be a conversation that we had.
export function move(from, to) {
	const draft = mine().get(from);
	if (!draft) return;
	drafts.delete(from);
	if (!drafts.has(to)) drafts.set(to, draft);
	store();
}

// After a change of one's name.
export function follow() {
	mine();
	store();
}

export function forget() {
	drafts.clear();
	store();
	owner = "";
	shown = "";
	lit = null;
	box.replaceChildren();
	box.hidden = true;
}

function mine() {
	if (owner === chat.name) return drafts;
	// After a change of names they are still ours; those in storage are looked at once, after a reload.
	const stored = owner ? {} : keptInTab("drafts");
	owner = chat.name;
	if (stored.owner === owner) for (const [key, draft] of stored.drafts) drafts.set(key, draft);
	return drafts;
}

function store() {
	// Direct conversations are others after a reload.
	const last = [...drafts].filter(([key]) => key.startsWith("room "));
	keptInTab("drafts", last[0] ? { owner, drafts: last } : null);
}

// --- what they are about ---

const box = $("about");
let set; // what stands in the active room's box
let shown = "";
let lit = null; // the row of what is changed

export const start = given => (set = given);
export const current = room => kept(room.key).about;
export const isEdit = room => current(room)?.kind === "edit";

function put(room, text = "", about = null) {
	keep(room.key, text, about);
	if (room === chat.active) set(text);
	chat.changed();
	return true;
}

function begin(kind, item, change) {
	const room = chat.active;
	if (isEdit(room)) leave();
	const before = kept(room.key);
	room.quotes.set(item.seq, item); // it stays known when it is not shown any more
	const about = { kind, ...pointer(room, item) };
	if (change) put(room, escaped(item.text), { ...about, before });
	else put(room, before.text, about);
	$("text").focus();
}

export const answer = item => begin("reply", item);

export function change(item) {
	begin("edit", item, true);
	log.find(item.n)?.scrollIntoView({ block: "nearest" });
}

// One's own, `step` up from the one that is changed, or from the end. Whether that is what is meant.
export function changeOwn(step) {
	const room = chat.active;
	const { text, about } = kept(room.key);
	if (room.past || (about && !isEdit(room))) return false;
	const own = room.items.filter(item => mayEdit(room, item));
	const at = about ? own.findIndex(({ seq }) => seq === about.seq) : own.length;
	if (about && text !== escaped(own[at]?.text ?? "")) return false;
	const next = own[at - step];
	if (next) change(next);
	else if (about && step < 0) leave();
	return !!next || !!about;
}

// Back to what stood there before. What was typed to change one that is gone stays.
export function leave(room = chat.active, isSaid = false) {
	const { text, about } = kept(room.key);
	if (!about) return false;
	const { kind, before = {} } = about;
	if (kind === "reply") return put(room, text);
	const rest = isSaid || !isGone(room, about) ? [before.text] : [before.text, text];
	return put(room, rest.filter(Boolean).join("\n"), before.about);
}

// Why nothing may be sent; empty where it may.
export function refusal(room, messages) {
	const about = current(room);
	if (!about) return "";
	const nothing = `Nothing was ${isEdit(room) ? "changed" : "sent"}`;
	if (isGone(room, about)) return `${nothing}: that message was deleted. Press Escape to go on without it.`;
	if (!isEdit(room)) return "";
	if (chat.state !== "in") return `${nothing}: you are not connected at the moment.`;
	if (isCommand(messages[0])) return `${nothing}: this begins like a command. Two slashes, as in //me, are text.`;
	return messages[1] ? `${nothing}: this is too long for one message.` : "";
}

// What is typed stays until the server has it.
export async function save(room, said) {
	const { text: typed, about } = kept(room.key);
	const item = room.find(about.seq) ?? { ...about, text: "" };
	const text = unescaped(said);
	if (text !== item.text) await edit(room, item, escaped(text));
	const now = kept(room.key);
	if (now.text === typed && now.about?.seq === about.seq) leave(room, true);
}

// A message says something else now, or nothing (null). Its old words are in no box.
export function reworded(room, item, text) {
	const { text: typed, about } = kept(room.key);
	if (!isEdit(room) || about.seq !== item.seq || typed !== escaped(item.text)) return;
	if (text !== null) return put(room, escaped(text), about);
	leave(room, true);
	if (room === chat.active) $("reason").textContent = "What you were about to change was deleted.";
}

export function render() {
	const room = chat.active;
	const about = current(room);
	const item = about && room.find(about.seq);
	if (about && item === undefined) lookUp(room, about.seq);
	const gone = about && isGone(room, about);
	lit?.classList.remove("about");
	lit = (isEdit(room) && log.find(item?.n)) || null;
	lit?.classList.add("about");
	const sign = about ? [room.key, about.kind, about.seq, gone, item?.id, item?.looks].join() : "";
	if (sign === shown) return;
	shown = sign;
	if (box.contains(document.activeElement)) $("text").focus();
	box.hidden = !about;
	if (!about) return box.replaceChildren();
	const close = button(() => leave(), icon("M5 5l10 10M15 5L5 15"));
	describe(close, isEdit(room) ? "Leave it as it is" : "Do not answer");
	const words = quotation(gone ? { kind: "deleted" } : item, isEdit(room));
	box.replaceChildren(el("span", { id: "about-what" }, isEdit(room) ? "Editing: " : "Answer to ", words), close);
}
