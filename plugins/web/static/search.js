// The search pane; the way to a message, and links that lead there.

import { chat } from "./state.js";
import * as talks from "./conversations.js";
import { enter } from "./commands.js";
import { $, button, el, hint } from "./dom.js";
import * as log from "./log.js";
import { jump } from "./pages.js";
import { request } from "./wire.js";

const box = $("search");
const [form, list] = box.children;

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

form.onsubmit = async event => {
	event.preventDefault();
	const say = text => ($("found").textContent = text);
	list.replaceChildren();
	say("Searching …");
	try {
		const { messages } = await request("search", { text: form.text.value, limit: 50 });
		list.append(...messages.map(result));
		say(messages[0] ? "" : "Nothing found.");
	} catch ({ text }) {
		say(text);
	}
};
form.onreset = () => toggle(false);
$("open-search").onclick = () => toggle();
box.onkeydown = ({ key }) => {
	if (key === "Escape") toggle(false);
};

export function toggle(open = box.hidden) {
	box.hidden = !open;
	$("chat").classList.toggle("searching", open);
	(open ? form.text : $("text")).focus();
}

export function forget() {
	form.text.value = "";
	list.replaceChildren();
	$("found").textContent = "";
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
export const linkTo = ({ address }, { seq }) =>
	new URL(`?${new URLSearchParams({ ...address, message: seq })}`, location.href.replace(/#.*/, "")).href;

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
