// The list of messages: scrolling, following, and loading more.

import { $, plural, sync } from "./dom.js";
import { dayOf, look } from "./looks.js";
import { mentions } from "./mentions.js";
import { canLoad, lookUp, newer, older, present, toMark } from "./pages.js";
import { chat } from "./state.js";
import { rows } from "./rows.js";

const NEAR = 800; // pixels from the edge, when more is fetched
const END = 30; // pixels that still count as the end

const box = $("log");
const list = $("messages");
let scrolledTo = 0;

export const find = key => [...list.children].find(node => node.key === key);
const bottomOf = node => node.getBoundingClientRect().bottom;
const below = () => box.scrollHeight - box.clientHeight - box.scrollTop;

export async function open() {
	const room = chat.active;
	room.following = !room.unread;
	room.mark = room.unread ? room.read : null;
	if (room.past && room.following) return toLatest();
	if (!room.following && !room.reaches(room.mark) && canLoad(room)) {
		const coming = toMark(room);
		render();
		await coming;
		if (chat.active !== room) return;
	}
	render();
	point("new");
	scrolled();
}

export function point(key) {
	const row = find(key);
	for (const other of list.querySelectorAll(".found")) other.classList.remove("found");
	row?.scrollIntoView({ block: "center" });
	row?.classList.add("found");
}

// The last message that can be seen.
export function seen() {
	const { following, past, latest } = chat.active;
	if (following && !past) return latest;
	const { bottom } = box.getBoundingClientRect();
	const middle = node => bottomOf(node) - node.offsetHeight / 2;
	return [...list.children].findLast(row => row.item?.seq && middle(row) < bottom)?.item.seq ?? 0;
}

export async function toLatest() {
	const room = chat.active;
	await present(room);
	room.following = true;
	render();
	chat.changed();
}

// Nothing of who was here stays.
export function forget() {
	for (const node of [list, $("edge")]) node.replaceChildren();
}

export function render() {
	const room = chat.active;
	const { items, mark, more, loading, unread, name, following, direct } = room;
	// What the reader looks at stays where it is. A day is put before what is older.
	const seen = !following && [...list.children].find(node => !node.matches(".day") && bottomOf(node) > box.offsetTop);
	const before = seen && bottomOf(seen);
	const mine = mentions(chat.name);
	// What is today is yesterday after midnight.
	const dated = row => (row.kind === "day" ? { ...row, sign: dayOf(row.item) } : row);
	const line = more && room.first > mark + 1 ? null : mark;
	sync(list, rows(items, line, seq => room.find(seq)).map(dated), row => look(row, mine));
	const begin =
		more === null
			? "This is gone when you close the page."
			: more
				? ""
				: `This is where ${direct ? "it" : name} begins.`;
	$("edge").textContent = loading && !room.checking ? "Loading …" : begin;
	const same = find(seen?.key);
	if (following) box.scrollTop = box.scrollHeight;
	else if (same) box.scrollTop += bottomOf(same) - before;
	$("latest").hidden = following;
	$("latest").textContent = `${unread ? plural(unread, "new message") : "Jump to the latest"} ↓`;
	fill();
	const unknown = items.findLast(({ reply_to }) => reply_to > 0 && room.find(reply_to) === undefined);
	if (unknown) lookUp(room, unknown.reply_to);
}

function scrolled() {
	const room = chat.active;
	if (!room) return;
	const before = room.following;
	// When a keyboard opens, the end moves away, too.
	if (box.scrollTop < scrolledTo) room.following = false;
	if (below() < END && !room.past) room.following = true;
	scrolledTo = box.scrollTop;
	if (before !== room.following || room.unread) chat.changed();
	fill();
}

function fill() {
	const room = chat.active;
	if (!canLoad(room)) return;
	if (room.more && box.scrollTop < NEAR) older(room);
	else if (room.past && below() < NEAR) newer(room);
}

box.onscroll = scrolled;
$("latest").onclick = toLatest;
new ResizeObserver(() => chat.active?.following && (box.scrollTop = box.scrollHeight)).observe(box);

(function atMidnight() {
	const midnight = new Date().setHours(24, 0, 0, 0);
	setTimeout(() => {
		chat.changed();
		atMidnight();
	}, midnight - Date.now());
})();
