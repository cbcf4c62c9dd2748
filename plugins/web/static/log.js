import * as chat from "./chat.js";
import { $, avatar, button, el, nodesOf, plural, sync, tint } from "./dom.js";
import { canLoad, isMine, isMyReaction, lookUp, newer, older, present, toMark } from "./history.js";
import { add, pump } from "./sender.js";
import { mentions, parse } from "./text.js";
import { rows, sentence, summary } from "./timeline.js";

const NEAR = 800; // pixels from the edge, when more is fetched
const END = 30; // pixels that still count as the end

const box = $("log");
const list = $("messages");
let scrolledTo = 0;

export const find = key => [...list.children].find(node => node.key === key);
const y = node => node.getBoundingClientRect().bottom;
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
	const middle = node => y(node) - node.offsetHeight / 2;
	return [...list.children].findLast(row => row.item?.seq && middle(row) < bottom)?.item.seq ?? 0;
}

export async function toLatest() {
	const room = chat.active;
	await present(room);
	room.following = true;
	render();
	chat.changed();
}

export function render() {
	const room = chat.active;
	const { items, mark, more, loading, unread, name, following, direct } = room;
	// What the reader looks at stays where it is. A day is put before what is older.
	const seen = !following && [...list.children].find(node => !node.matches(".day") && y(node) > box.offsetTop);
	const before = seen && y(seen);
	const mine = mentions(chat.name);
	// What is today is yesterday after midnight.
	const dated = row => (row.kind === "day" ? { ...row, sign: dayOf(row.item) } : row);
	const line = more && room.first > mark + 1 ? null : mark;
	sync(list, rows(items, line, seq => room.find(seq)).map(dated), row => (looks.get(row.kind) ?? notice)(row, mine));
	const begin = more === null ? "This is gone when you close the page." : more ? "" : `This is where ${direct ? "it" : name} begins.`;
	$("edge").textContent = loading && !room.checking ? "Loading …" : begin;
	const same = find(seen?.key);
	if (following) box.scrollTop = box.scrollHeight;
	else if (same) box.scrollTop += y(same) - before;
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

// --- how it looks ---

const format = options => new Intl.DateTimeFormat([], options).format;
const clock = format({ timeStyle: "short" });
const full = format({ dateStyle: "full", timeStyle: "medium" });
const date = format({ dateStyle: "full" });

const timeOf = ({ time }) => el("time", { title: full(time) }, clock(time));
const dayOf = ({ time }) => (date(time) === date(Date.now()) ? "Today" : date(time));

const looks = new Map(
	Object.entries({
		message,

		presence({ item: { folded } }) {
			const lines = folded.map(item => el("li", timeOf(item), " ", sentence(item)));
			const text = summary(folded);
			// It stays open when more come.
			const ontoggle = ({ target }) => (folded.open = target.open);
			const details = () =>
				el("details", { open: folded.open ? "" : null, ontoggle }, el("summary", text), el("ul", lines));
			return copied(el("li.notice", folded[1] ? details() : text), "* ", text);
		},

		deleted: ({ item: { by }, sign }) =>
			el("li.notice.deleted", { title: by && `by ${by}` }, sign > 1 ? `${sign} messages deleted` : "Message deleted"),

		day: ({ item }) => copied(el("li.day", dayOf(item)), "", date(item.time)),
		new: () => el("li.day.new", "New messages")
	})
);

// For what is copied, and acts.js.
const copied = (row, prefix, text, item) => Object.assign(row, { item, copied: { prefix, text } });

const plain = tokens => tokens.map(token => (token.children ? plain(token.children) : token)).join("");

// A line of what is answered. `item` may be out of reach (null), not here yet, or deleted.
export function quotation(item, nameless) {
	if (!item) return el("span", item === null ? "an earlier message" : "…");
	if (item.kind === "deleted") return el("i", "a message that was deleted");
	const { sender, text } = item;
	const name = !nameless && [tint(el("b", { dir: "auto" }, sender), sender), " "];
	return el("span", name, el("span", { dir: "auto" }, plain(parse(text))));
}

function reactions(item) {
	const chip = ([emoji, names]) => {
		const mine = isMyReaction(names);
		const label = `${emoji} ${names.length}: ${names.join(", ")}`;
		const attributes = { "type": "button", "value": emoji, "title": names.join(", "), "aria-label": label, "aria-pressed": mine };
		return el("button.chip", attributes, emoji, " ", el("small", names.length));
	};
	return item.reactions?.size > 0 && el("p.reactions", [...item.reactions].map(chip));
}

// `mine` finds one's own name in a text.
function message({ item, head, original }, mine) {
	const { text, action, state, why, sender, edited } = item;
	const name = tint(el("b", { dir: "auto" }, sender), sender);
	const words = nodesOf(parse(text, item.mine ? undefined : mine));
	const forMe = !item.mine && (mine.test(text) || isMine(original));
	// In a group only the first message shows whose they are. It is read out with each.
	const time = [!action && el("span.sr", `${sender}: `), timeOf(item)];
	const row = el(
		`li.message${head ? ".head" : ""}${action ? ".action" : ""}${forMe ? ".for-me" : ""}`,
		{ "data-state": state, "tabindex": -1 },
		head && !action ? [avatar(sender), el("p", name, " ", timeOf(item))] : time,
		item.reply_to > 0 &&
			el("button.quote", { type: "button", value: "quote" }, el("span.sr", "Answer to "), quotation(original)),
		el("div.body", { dir: "auto" }, action && [name, " "], words),
		edited && el("small.edited", { title: `Edited: ${full(edited)}` }, "edited"),
		reactions(item),
		why && el("p.error", why, state === "failed" && remedies(item))
	);
	return copied(row, `[${clock(item.time)}] ${action ? `* ${sender} ` : `${sender}: `}`, text, item);
}

// Of what could not be said.
function remedies(item) {
	const room = chat.active;
	const drop = () => {
		room.remove(item);
		pump();
	};
	const say = () => {
		add(room, item.text, item.wire, item.action, item.alone ? undefined : item.answered);
		drop();
	};
	const retry = room.direct && room.gone ? [] : [button(say, item.alone ? "Say it without that" : "Try again"), " "];
	return [" ", ...retry, button(drop, "Delete")];
}

function notice({ item: { kind, text, room } }) {
	const label = chat.rooms.get(room)?.gone === "" ? `Go to ${room}` : `Join ${room}`;
	const row = el(`li.notice.${kind}`, { dir: "auto" }, text, room && button(() => chat.ui.visit(room), label));
	return copied(row, "* ", text);
}

// --- copying: what is copied out of the log reads as lines, "[12:00] ada: Hello" ---

document.oncopy = event => {
	const selection = getSelection();
	if (!selection.rangeCount || /^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
	const range = selection.getRangeAt(0);
	const rows = [...list.children].filter(row => row.copied && range.intersectsNode(row));
	const bodies = rows.map(row => row.querySelector(".body") ?? row);
	// Within one message, a browser knows best.
	if (!rows[0] || bodies[0].contains(range.commonAncestorContainer)) return;
	const parts = rows.map((row, i) => ({ ...row.copied, text: chosen(range, bodies[i], row.copied.text) }));
	const lines = parts.filter(({ text }) => text !== null).map(({ prefix, text }) => prefix + text);
	event.clipboardData.setData("text/plain", lines.join("\n"));
	event.preventDefault();
};

// What of `body` is within `range`: the whole `text` as it was typed, a part of it as it is shown, or null.
function chosen(range, body, text) {
	if (!range.intersectsNode(body)) return null;
	const part = document.createRange();
	part.selectNodeContents(body);
	const whole = part.toString();
	if (body.contains(range.startContainer)) part.setStart(range.startContainer, range.startOffset);
	if (body.contains(range.endContainer)) part.setEnd(range.endContainer, range.endOffset);
	const some = part.toString();
	return some === whole ? text : some || null;
}

(function atMidnight() {
	const midnight = new Date().setHours(24, 0, 0, 0);
	setTimeout(() => {
		chat.changed();
		atMidnight();
	}, midnight - Date.now());
})();
