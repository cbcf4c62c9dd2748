import * as chat from "./chat.js";
import { copying } from "./copy.js";
import { $, avatar, button, el, nodesOf, plural, sync, tint } from "./dom.js";
import { sentence, summary } from "./presence.js";
import { rows } from "./rows.js";
import { newer, older, present, canLoad } from "./pages.js";
import { add, pump } from "./sender.js";
import { mentions, parse } from "./text.js";

const NEAR = 800; // pixels from the edge, when more is fetched
const END = 30; // pixels that still count as the end

const format = options => new Intl.DateTimeFormat([], options).format;
const clock = format({ timeStyle: "short" });
const full = format({ dateStyle: "full", timeStyle: "medium" });
const date = format({ dateStyle: "full" });

const box = $("log");
const list = $("messages");
let scrolledTo = 0;

const find = key => [...list.children].find(node => node.key === key);
const y = node => node.getBoundingClientRect().bottom;
const below = () => box.scrollHeight - box.clientHeight - box.scrollTop;

export function open() {
	const room = chat.active;
	if (room.past) return toLatest();
	room.following = room.mark === null;
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

export async function toLatest() {
	const room = chat.active;
	await present(room);
	room.following = true;
	render();
	chat.changed();
}

export function render() {
	const { items, mark, more, loading, unread, name, following } = chat.active;
	// What the reader looks at stays where it is. A day is put before what is older.
	const seen = !following && [...list.children].find(node => !node.matches(".day") && y(node) > box.offsetTop);
	const before = seen && y(seen);
	const mine = mentions(chat.name);
	// What is today is yesterday after midnight.
	const dated = row => (row.kind === "day" ? { ...row, sign: dayOf(row.item) } : row);
	sync(list, rows(items, mark).map(dated), row => (looks.get(row.kind) ?? notice)(row, mine));
	const begin = more === null ? "This is gone when you close the page." : more ? "" : `This is where ${name} begins.`;
	$("edge").textContent = loading ? "Loading …" : begin;
	const same = find(seen?.key);
	if (following) box.scrollTop = box.scrollHeight;
	else if (same) box.scrollTop += y(same) - before;
	$("latest").hidden = following;
	$("latest").textContent = `${unread ? plural(unread, "new message") : "Jump to the latest"} ↓`;
	fill();
}

function scrolled() {
	const room = chat.active;
	if (!room) return;
	const before = room.following;
	// When a keyboard opens, the end moves away, too.
	if (box.scrollTop < scrolledTo) room.following = false;
	if (below() < END && !room.past) room.following = true;
	scrolledTo = box.scrollTop;
	if (before !== room.following || (before && room.unread)) chat.changed();
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

const timeOf = ({ time }) => el("time", { title: full(time) }, clock(time));
const dayOf = ({ time }) => (date(time) === date(Date.now()) ? "Today" : date(time));

// For copy.js.
const copied = (row, prefix, text, fence) => Object.assign(row, { copied: { prefix, text, fence } });

const looks = new Map(
	Object.entries({
		message({ item, head, fence, code }, mine) {
			const { text, action, state, why, sender } = item;
			const name = tint(el("b", { dir: "auto" }, sender), sender);
			const body = fence
				? el(`pre.${fence}`, code)
				: el("div.body", { dir: "auto" }, action && [name, " "], nodesOf(parse(text, item.mine ? undefined : mine)));
			const forMe = !item.mine && !fence && mine.test(text);
			// In a group only the first message shows whose they are. It is read out with each.
			const time = [!action && el("span.sr", `${sender}: `), timeOf(item)];
			const row = el(
				`li.message${head ? ".head" : ""}${action ? ".action" : ""}${forMe ? ".for-me" : ""}`,
				{ "data-state": state },
				head && !action ? [avatar(sender), el("p", name, " ", timeOf(item))] : time,
				body,
				why && state !== "unsure" && el("p.error", why, state === "failed" && remedies(item))
			);
			return copied(
				row,
				`[${clock(item.time)}] ${action ? `* ${sender} ` : `${sender}: `}`,
				fence === "in" ? code.slice(0, -1) : text,
				fence
			);
		},

		presence({ item: { folded } }) {
			const lines = folded.map(item => el("li", timeOf(item), " ", sentence(item)));
			const text = summary(folded);
			// It stays open when more come.
			const ontoggle = ({ target }) => (folded.open = target.open);
			const details = () =>
				el("details", { open: folded.open ? "" : null, ontoggle }, el("summary", text), el("ul", lines));
			return copied(el("li.notice", folded[1] ? details() : text), "* ", text);
		},

		day: ({ item }) => copied(el("li.day", dayOf(item)), "", date(item.time)),
		new: () => el("li.day.new", "New messages")
	})
);

function notice({ item: { kind, text, room } }) {
	const label = chat.rooms.get(room)?.gone === "" ? `Go to ${room}` : `Join ${room}`;
	const row = el(`li.notice.${kind}`, { dir: "auto" }, text, room && button(() => chat.visit(room), label));
	return copied(row, "* ", text);
}

function remedies(item) {
	const room = chat.active;
	const drop = () => {
		room.remove(item);
		pump();
	};
	const again = () => {
		add(room, item.text, item.wire, item.action);
		drop();
	};
	const retry = room.direct && room.gone ? [] : [button(again, "Try again"), " "];
	return [" ", ...retry, button(drop, "Delete")];
}

document.oncopy = event => copying(event, list);

(function atMidnight() {
	const midnight = new Date().setHours(24, 0, 0, 0);
	setTimeout(() => {
		chat.changed();
		atMidnight();
	}, midnight - Date.now());
})();
