// The list of messages: scrolling, following, and loading more.

import { $, button, copy, el, plural, sync, write } from "./dom.js";
import * as drawing from "./drawing.js";
import { dayOf, look } from "./looks.js";
import { canLoad, lookUp, newer, older, present, toMark } from "./pages.js";
import * as place from "./place.js";
import { chat } from "./state.js";
import { rows } from "./rows.js";

const NEAR = 800; // pixels from the edge, when more is fetched
const ROW = 22; // pixels, that no row is lower than
const CALM = 200; // ms after which what was only sketched is drawn,
const BATCH = 50; // by so many rows
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

// The number of the first row from the top for which `isBelow`; rows above it must not be, and those behind it must.
function firstRow(isBelow) {
	const rows = list.children;
	let [from, to] = [0, rows.length];
	while (from < to) {
		const middle = (from + to) >> 1;
		if (isBelow(rows[middle])) to = middle;
		else from = middle + 1;
	}
	return from;
}

// The last message that can be seen.
export function seen() {
	const { following, past, latest } = chat.active;
	if (following && !past) return latest;
	const { bottom } = box.getBoundingClientRect();
	const middle = node => bottomOf(node) - node.offsetHeight / 2;
	let at = firstRow(row => middle(row) >= bottom) - 1;
	while (at >= 0 && !list.children[at].item?.seq) at -= 1;
	return list.children[at]?.item.seq ?? 0;
}

// To the end. That is nothing that the reader has scrolled.
function toEnd() {
	box.scrollTop = box.scrollHeight;
	scrolledTo = box.scrollTop;
	shade();
}

// A line above the box tells that there is more below.
function shade() {
	$("talk").classList.toggle("scrolled", below() > 1);
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
	for (const node of [list, $("edge"), $("empty")]) node.replaceChildren();
}

export function render() {
	const room = chat.active;
	const { items, mark, more, loading, unread, name, following, direct } = room;
	// What the reader looks at stays where it is. A day is put before what is older.
	const held = following ? null : inSight();
	const before = held && bottomOf(held);
	const mine = chat.caller();
	// What is today is yesterday after midnight.
	const dated = row => (row.kind === "day" ? { ...row, sign: dayOf(row.item) } : row);
	const line = more && room.first > mark + 1 ? null : mark;
	lay();
	const shown = rows(items, line, seq => room.find(seq)).map(dated);
	sketch(shown, following);
	sync(list, shown, row => (row.sign === SKETCHED ? sketched(row) : look(row, mine)));
	const begin =
		more === null
			? "This is gone when you close the page."
			: more
				? ""
				: `This is where ${direct ? "it" : name} begins.`;
	write($("edge"), loading && !room.checking ? "Loading …" : begin);
	welcome(room);
	const same = held && find(held.key);
	if (following) toEnd();
	else if (same) box.scrollTop += bottomOf(same) - before;
	$("latest").hidden = following;
	write($("latest"), `${unread ? plural(unread, "new message") : "Jump to the latest"} ↓`);
	fill();
	const unknown = items.findLast(({ reply_to }) => reply_to > 0 && room.find(reply_to) === undefined);
	if (unknown) lookUp(room, unknown.reply_to);
}

// What there is to do where nobody has said anything yet.
function welcome(room) {
	const isEmpty = !room.more && !room.loading && !room.gone && !room.items.some(({ kind }) => kind === "message");
	const what = { key: room.key, sign: room.name, room };
	sync($("empty"), isEmpty ? [what] : [], ({ room }) => (room.direct ? emptyTalk(room) : emptyRoom(room)));
}

const emptyTalk = ({ name }) =>
	el(
		"div",
		el("h2", `You and ${name}`),
		el("p", "Only you two can read what is said here. Write the first message below.")
	);

const emptyRoom = ({ name, address }) =>
	el(
		"div",
		el("h2", "Nobody has said anything yet"),
		el("p", "Write the first message below, or send a link to this room to whom you want to have here."),
		button(() => copy(place.linkTo(address), "Link"), `Copy the link to ${name}`)
	);

// Of many messages that come at once while one follows, nobody sees but the last. The others are their words alone until
// there is time for more. Where that is so anyway, nothing is sketched.
const SKETCHED = "sketched";
let finishing;
let isCalm = false; // some of them are drawn this time

function sketch(shown, following) {
	const there = new Map([...list.children].map(node => [node.key, node.sign]));
	// It is the conversation that was shown before.
	const goesOn = following && drawing.isSlow() && shown.some(({ key }) => there.has(key));
	const isLate = ({ key }) => there.get(key) === SKETCHED || (goesOn && !there.has(key));
	const seen = Math.ceil(box.clientHeight / ROW);
	const late = shown.slice(0, -seen).filter(row => row.kind === "message" && isLate(row));
	const left = isCalm ? late.slice(0, -BATCH) : late;
	isCalm = false;
	clearTimeout(finishing);
	if (!left[0]) return;
	for (const row of left) row.sign = SKETCHED;
	finishing = setTimeout(() => {
		isCalm = true;
		chat.changed();
	}, CALM);
}

function sketched({ item }) {
	const row = el("li.message.laid.sketched", { tabindex: -1 }, el("div.body", item.text));
	return Object.assign(row, { item, copied: { prefix: `${item.sender}: `, text: item.text } });
}

// Rows that have been drawn once: all but the new ones at both ends.
function lay() {
	const isNew = node => node && !node.classList.contains("laid");
	for (let node = list.lastElementChild; isNew(node); node = node.previousElementSibling) node.classList.add("laid");
	for (let node = list.firstElementChild; isNew(node); node = node.nextElementSibling) node.classList.add("laid");
}

// The first row in sight; no line of a day.
function inSight() {
	let row = list.children[firstRow(node => bottomOf(node) > box.offsetTop)];
	while (row?.matches(".day")) row = row.nextElementSibling;
	return row;
}

function scrolled() {
	const room = chat.active;
	if (!room) return;
	const before = room.following;
	// When a keyboard opens, the end moves away, too.
	if (box.scrollTop < scrolledTo) room.following = false;
	if (below() < END && !room.past) room.following = true;
	scrolledTo = box.scrollTop;
	shade();
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

// The window, or what is in it, may be larger by now.
const sizes = new ResizeObserver(() => {
	if (chat.active?.following) toEnd();
});
sizes.observe(box);
sizes.observe(list);

(function atMidnight() {
	const midnight = new Date().setHours(24, 0, 0, 0);
	setTimeout(() => {
		chat.changed();
		atMidnight();
	}, midnight - Date.now());
})();
