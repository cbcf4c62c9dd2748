// The panes beside the talk, and its heading: rooms, direct conversations, members, who we are.

import { $, avatar, button, el, named, nodesOf, plural, sync, write } from "./dom.js";
import * as talks from "./conversations.js";
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
	rooms($("room-list"), false);
	rooms($("direct-list"), true);
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
	for (const node of [...lists, ...$("members").children]) node.replaceChildren();
	$("topic").title = "";
	$("text").placeholder = "";
	$("text").ariaLabel = "";
	elsewhere();
}

function rooms(list, direct) {
	const shown = talks.all().filter(room => room.direct === direct);
	const sign = room => [room.name, room.unread, room.mentions, note(room), room === chat.active].join();
	const row = room => ({ room, key: room.key, sign: sign(room) });
	if (direct) $("direct-title").hidden = !shown[0];
	sync(list, shown.map(row), ({ room }) => {
		const { name, gone } = room;
		const sign = direct ? avatar(name) : el("i", "#");
		const go = button(() => chat.show(room), sign, el("bdi", name), el("small", note(room)), badge(room));
		go.ariaCurrent = room === chat.active;
		go.classList.toggle("unread", room.unread > 0);
		return el(gone ? "li.gone" : "li", go);
	});
}

// What tells two apart that have the same name.
const note = ({ direct, gone, earlier }) => (gone ? (direct ? "ended" : "gone") : earlier && "earlier");

function badge({ unread, mentions }) {
	if (unread > 0)
		return el(mentions ? "span.badge.for-me" : "span.badge", count(unread, mentions), el("span.sr", " unread"));
}

const count = (unread, mentions) => `${mentions ? "@" : ""}${unread}`;

// Where the list is in a drawer, its button tells what is unread in there.
function elsewhere() {
	const others = talks.all().filter(room => room !== chat.active && room.unread > 0);
	const unread = others.reduce((sum, room) => sum + room.unread, 0);
	const mentions = others.reduce((sum, room) => sum + room.mentions, 0);
	const mark = $("elsewhere");
	write(mark, unread ? count(unread, mentions) : "");
	mark.className = mentions ? "badge for-me" : "badge";
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
