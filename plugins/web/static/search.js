// The pane with messages: what was searched for, what concerned one, what is pinned; the way to a message, and links that
// lead there.

import { chat } from "./state.js";
import * as talks from "./conversations.js";
import { enter } from "./commands.js";
import { $, button, el, hint, write } from "./dom.js";
import * as log from "./log.js";
import { jump } from "./pages.js";
import * as place from "./place.js";
import { order } from "./requests.js";
import { request } from "./wire.js";

const box = $("search");
const [form, list, more] = box.children;
const LIMIT = 50; // messages of a page
let source; // {pinned, load}: of what is shown; `load` brings the page before an `id`, {messages, more}

function open(room, seq) {
	if (innerWidth < 900) toggle(false);
	return go(room, seq);
}

const result = ({ room, conversation, with: name, seq, sender, text, time }) => {
	const when = new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
	const head = el("small", el("b", sender), ` ${room ? "in" : "with"} ${room || name}, ${when}`);
	room ||= talks.directWith(conversation, name);
	const words = el("span", { dir: "auto" }, text);
	const row = el(
		"li",
		button(() => open(room, seq), head, words)
	);
	return Object.assign(row, { found: { room, seq, words } });
};

// A message says something else now; null: nothing.
export function reworded(room, item, text) {
	for (const row of list.children)
		if (row.found.room === (room.direct ? room : room.name) && row.found.seq === item.seq) {
			if (text === null) row.remove();
			else row.found.words.textContent = text;
		}
}

// `last`: what is shown already, if this is what comes behind.
async function load(last) {
	const mine = source;
	const say = text => ($("found").textContent = text);
	if (!last) list.replaceChildren();
	more.hidden = true;
	say("Loading …");
	try {
		const found = await mine.load(last?.id);
		if (mine !== source) return;
		const rows = found.messages.map(result);
		list.append(...rows);
		more.hidden = !found.more;
		more.onclick = () => load(found.messages.at(-1));
		say(list.firstChild ? "" : mine.none);
		if (last) rows[0]?.firstChild.focus();
	} catch ({ text }) {
		if (mine !== source) return;
		say(text);
		more.hidden = !last;
	}
}

const by = (type, fields) => before => request(type, { ...fields, before, limit: LIMIT });

form.onsubmit = event => {
	event.preventDefault();
	source = { load: by("search", { text: form.text.value }), none: "Nothing found." };
	load();
};

export function mentions() {
	show("What concerned you", { load: by("mentions"), none: "Nobody has mentioned you yet, or answered you." });
}

export function pins(room) {
	const load = async () => {
		const told = [];
		await order(room, "pins", {}, told);
		return { messages: told.flatMap(({ pins }) => pins ?? []).map(({ message }) => message) };
	};
	show(`Pinned in ${room.name}`, { load, none: "Nothing is pinned here.", room });
}

// Something was pinned in `room`, or is not any more.
export function pinned(room) {
	if (!box.hidden && source?.room === room) load();
}

function show(title, given) {
	toggle(true, title);
	source = given;
	load();
}

form.onreset = () => toggle(false);
$("open-search").onclick = () => toggle(box.hidden || form.text.hidden);
$("open-mentions").onclick = mentions;
box.onkeydown = ({ key }) => {
	if (key === "Escape") toggle(false);
};

// With a `title`, nothing is searched for.
export function toggle(open, title = "") {
	if (open && (title || form.text.hidden)) clear();
	box.hidden = !open;
	box.ariaLabel = title || "Search";
	form.text.hidden = !!title;
	$("found-title").hidden = !title;
	write($("found-title"), title);
	$("chat").classList.toggle("searching", open);
	$("rooms").hidePopover();
	(!open ? $("text") : title ? $("close-search") : form.text).focus();
}

function clear() {
	source = null;
	list.replaceChildren();
	more.hidden = true;
	more.onclick = null;
	$("found").textContent = "";
}

export function forget() {
	form.text.value = "";
	clear();
	box.hidden = true;
	$("chat").classList.remove("searching");
}

// --- the way ---

// `where`: a conversation, or the name of a room.
export async function go(where, seq) {
	if (!where.key) {
		if (chat.active !== talks.roomTyped(where) || chat.active.gone) await enter(where);
		if (chat.active !== talks.roomTyped(where)) return;
	} else if (chat.active !== where) chat.show(where);
	const room = chat.active;
	const item = await jump(room, seq);
	if (chat.active !== room) return;
	if (!item) hint("This message is not there any more.");
	room.following = room.following && !item;
	log.render();
	log.point(item?.n);
}

// What leads there. It names the room, and asks who one is, as any link to a room does; or one's own conversation.
export const linkTo = ({ address }, { seq }) => place.linkTo({ ...address, message: seq });

// Where a link leads, if it leads to a message that we may know: see `go`.
export function placeIn(link) {
	const where = talks.directCalled(link.get("conversation")) ?? link.get("room");
	const seq = Number(link.get("message"));
	return where && seq > 0 && [where, seq];
}

export function linked(href) {
	const { origin, pathname, searchParams } = new URL(href, location.href);
	return origin === location.origin && pathname === location.pathname && placeIn(searchParams);
}
