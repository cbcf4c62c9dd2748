// The panes beside the talk, and its heading: rooms, direct conversations, members, who we are.

import { $, avatar, button, el, named, nodesOf, plural, sync, write } from "./dom.js";
import * as talks from "./conversations.js";
import { levelOf, usual } from "./levels.js";
import { parse } from "./markup.js";
import { memberMenu } from "./menus.js";
import { chat } from "./state.js";

const MOST = 500; // members in the list
const RANKS = new Map([
	["operator", 2],
	["owner", 1]
]);
const rank = ({ role }) => RANKS.get(role) ?? 0;
const { compare } = new Intl.Collator();

export function render() {
	const { name, direct, topic = "", members, unnamed = 0, gone } = chat.active;
	const { away } = chat.me();
	const all = talks.listed();
	rooms(
		$("room-list"),
		all.filter(room => !room.direct)
	);
	rooms(
		$("direct-list"),
		all.filter(room => room.direct)
	);
	$("direct-title").hidden = !all.at(-1)?.direct;
	reveal();
	memberList([...(members?.values() ?? [])], unnamed);
	for (const id of ["open-members", "members"]) $(id).hidden = direct || !!gone;
	elsewhere();
	heading(name, direct, topic);
	self(chat.name, away);
}

function heading(name, direct, topic) {
	write($("title"), name || "No room");
	$("title").className = direct || !name ? "" : "room";
	if ($("topic").title !== topic) $("topic").replaceChildren(...nodesOf(parse(topic)));
	$("topic").title = topic;
	$("text").placeholder = `Message ${name || "…"}`;
	$("text").ariaLabel = $("text").placeholder;
}

function self(name, away) {
	const who = { key: name, sign: away };
	sync($("self"), [who], () => el("span.who", avatar(name), named(name, away && `away: ${away}`)));
}

// Nothing of who was here stays.
export function forget() {
	const lists = ["room-list", "direct-list", "title", "topic", "self"].map($);
	listed = "";
	shownLast = null;
	for (const node of [...lists, ...$("members").children]) node.replaceChildren();
	$("topic").title = "";
	$("text").placeholder = "";
	$("text").ariaLabel = "";
	elsewhere();
}

function rooms(list, shown) {
	const sign = room => [room.name, room.unread, room.calls, note(room), room === chat.active].join();
	const row = room => ({ room, key: room.key, sign: sign(room) });
	sync(list, shown.map(row), ({ room }) => {
		const { name, direct, gone, isMuted } = room;
		const sign = direct ? avatar(name) : el("i", "#");
		const go = button(() => chat.show(room), sign, el("bdi", name), el("small", note(room)), badge(room));
		go.ariaCurrent = room === chat.active;
		go.classList.toggle("unread", room.unread > 0 && !isMuted);
		return el(gone || isMuted ? "li.gone" : "li", go);
	});
}

let shownLast;

// The one that is shown is in sight.
function reveal() {
	if (shownLast === chat.active) return;
	shownLast = chat.active;
	$("rooms").querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" });
}
$("rooms").ontoggle = () => {
	shownLast = null; // in a drawer, it was nowhere before
	reveal();
};

const LEVELS = new Map(Object.entries({ none: "muted", all: "all", mentions: "mentions" }));

// What tells two apart that have the same name; or what calls one there, where that is not as usual.
function note(room) {
	const { direct, gone, earlier } = room;
	const level = levelOf(room);
	if (gone) return direct ? "ended" : "gone";
	return earlier ? "earlier" : level !== usual(room) && LEVELS.get(level);
}

function badge({ unread, calls, isMuted }) {
	if (unread > 0 && !isMuted)
		return el(calls ? "span.badge.for-me" : "span.badge", count(unread, calls), el("span.sr", " unread"));
}

const count = (unread, calls) => `${calls ? "@" : ""}${unread}`;

// Where the list is in a drawer, its button tells what is unread in there.
function elsewhere() {
	const others = talks.all().filter(room => room !== chat.active && room.unread > 0 && !room.isMuted);
	const unread = others.reduce((sum, room) => sum + room.unread, 0);
	const calls = others.some(room => room.calls);
	const mark = $("elsewhere");
	write(mark, unread ? count(unread, calls) : "");
	mark.className = calls ? "badge for-me" : "badge";
	mark.parentNode.ariaDescription = unread ? `${unread} unread` : "";
}

let listed = ""; // what the list of members shows

function memberList(all, unnamed) {
	const looks = JSON.stringify([unnamed, all]);
	if (looks === listed) return;
	listed = looks;
	all.sort((a, b) => rank(b) - rank(a) || compare(a.name, b.name));
	const [title, list] = $("members").children;
	title.textContent = plural(all.length + unnamed, "member");
	const sign = ({ role, away }) => [role, away].join();
	const shown = all.slice(0, MOST).map(member => ({ ...member, key: member.name, sign: sign(member) }));
	const hidden = all.length + unnamed - shown.length;
	const rest = { key: "", sign: hidden, hidden };
	sync(list, hidden ? [...shown, rest] : shown, ({ name, role, away, hidden }) => {
		if (hidden) return el("li.rest", `and ${hidden} more, not shown here`);
		const note = [role, away && `away: ${away}`].filter(Boolean).join(", ");
		const open = button(() => memberMenu(open, name), avatar(name), named(name, note));
		return el(away ? "li.away" : "li", open);
	});
}
