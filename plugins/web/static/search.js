// Messages that are looked for, and the way to one: from a search, from an answer to it, by a link.

import * as chat from "./chat.js";
import { enter } from "./composer.js";
import { $, button, el, hint } from "./dom.js";
import * as log from "./log.js";
import { jump } from "./history.js";
import { request } from "./wire.js";

const box = $("search");
const [form, list] = box.children;

function open(room, seq) {
	if (innerWidth < 900) toggle(false);
	return go(room, seq);
}

const result = ({ room, seq, sender, text, time }) => {
	const when = new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
	const head = el("small", el("b", sender), ` in ${room}, ${when}`);
	const words = el("span", { dir: "auto" }, text);
	const row = el(
		"li",
		button(() => open(room, seq), head, words)
	);
	return Object.assign(row, { found: { room, seq, words } });
};

// A message says something else now, or nothing (null).
export function reworded({ name }, item, text) {
	for (const row of list.children)
		if (row.found.room === name && row.found.seq === item.seq) {
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

function toggle(open = box.hidden) {
	box.hidden = !open;
	(open ? form.text : $("text")).focus();
}

export function forget() {
	form.text.value = "";
	list.replaceChildren();
	$("found").textContent = "";
	box.hidden = true;
}

// --- the way ---

export async function go(name, seq) {
	if (chat.active.name !== name || chat.active.direct || chat.active.gone) await enter(name);
	const room = chat.active;
	if (room !== chat.roomTyped(name)) return;
	const item = await jump(room, seq);
	if (chat.active !== room) return;
	if (!item) hint("This message is not there any more.");
	room.following = room.following && !item;
	log.render();
	log.point(item?.n);
}

// What leads there. It names the room, and asks who one is, as any link to a room does.
export const linkTo = ({ name }, { seq }) =>
	new URL(`?room=${encodeURIComponent(name)}&message=${seq}`, location.href.replace(/#.*/, "")).href;

// Where `href` leads in this chat, if it leads to a message: [room, seq].
export function linked(href) {
	const { origin, pathname, searchParams } = new URL(href, location.href);
	const [room, seq] = [searchParams.get("room"), Number(searchParams.get("message"))];
	return origin === location.origin && pathname === location.pathname && room && seq > 0 && [room, seq];
}
