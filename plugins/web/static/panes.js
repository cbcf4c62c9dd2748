// What stands around the messages, and what one may do there.

import * as chat from "./chat.js";
import { leave, run } from "./composer.js";
import { $, avatar, button, el, menu, nodesOf, plural, sync } from "./dom.js";
import { parse } from "./text.js";

const MOST = 500; // members in the list
const RANKS = { operator: 2, owner: 1 };
const { compare } = new Intl.Collator();
const label = (name, note) => el("span", el("bdi", name), el("small", note));

export function render() {
	const { name, direct, topic, members } = chat.active;
	const { away } = chat.me();
	rooms($("room-list"), false);
	rooms($("direct-list"), true);
	memberList([...members.values()]);
	$("open-members").hidden = $("members").hidden = direct;
	$("title").textContent = name;
	$("title").className = direct ? "" : "room";
	$("topic").replaceChildren(...nodesOf(parse(topic)));
	$("text").ariaLabel = $("text").placeholder = `Message ${name}`;
	$("self").replaceChildren(avatar(chat.name), label(chat.name, away && `away: ${away}`));
}

function rooms(list, direct) {
	const shown = chat.all().filter((room) => room.direct === direct);
	const sign = (room) => [room.name, room.unread, room.mentions.size, room.gone, room === chat.active].join();
	sync(list, shown.map((room) => ({ room, key: room.key, sign: sign(room) })), ({ room }) => {
		const { name, unread, mentions, gone } = room;
		const count = `${mentions.size ? "@" : ""}${unread}`;
		const badge = unread > 0 && el(`span.badge${mentions.size ? ".for-me" : ""}`, count, el("span.sr", " unread"));
		const sign = direct ? avatar(name) : el("i", { "aria-hidden": true }, "#");
		const go = button(() => chat.show(room), "", { "aria-current": room === chat.active });
		go.append(sign, el("bdi", name), badge || "");
		return el(gone ? "li.gone" : "li", go);
	});
}

function memberList(all) {
	all.sort((a, b) => (RANKS[b.role] ?? 0) - (RANKS[a.role] ?? 0) || compare(a.name, b.name));
	const [title, list] = $("members").children;
	title.textContent = plural(all.length, "member");
	const sign = ({ role, away }) => [role, away].join();
	const shown = all.slice(0, MOST).map((member) => ({ ...member, key: member.name, sign: sign(member) }));
	sync(list, shown, ({ name, role, away }) => {
		const open = button(() => memberMenu(open, name), avatar(name));
		open.append(label(name, [role, away && `away: ${away}`].filter(Boolean).join(", ")));
		return el(away ? "li.away" : "li", open);
	});
}

const MAYBE = { required: null };
const TIME = ["time", "For how long (10m, 2h, 7d)", MAYBE];
const WHY = ["why", "Why", MAYBE];

function memberMenu(anchor, name) {
	const order = chat.me().role;
	menu(anchor, [
		run("whois", name, `Who is ${name}?`),
		...(chat.isMe(name) ? [] : [
			["Direct message", () => chat.show(chat.expect(name, true))],
			run("ignore", name, "Ignore"),
			...(order ? [
				run("kick", name, `Kick ${name}`, WHY),
				run("mute", name, `Mute ${name}`, TIME, WHY),
				run("unmute", name, "Let speak again"),
				run("ban", name, `Ban ${name}`, TIME, WHY),
				run("op", name, "Make an operator"),
				run("deop", name, "No operator any more"),
			] : []),
		]),
	]);
}

export function roomMenu(anchor) {
	const { name, direct, topic } = chat.active;
	const inRoom = [
		run("topic", "", "Set the topic", ["topic", "Topic (- for none)", { value: topic }]),
		[`Leave ${name}`, () => leave(chat.active)],
	];
	menu(anchor, direct ? [run("whois", name, `Who is ${name}?`), ["Close", () => leave(chat.active)]] : inRoom);
}

export function selfMenu(anchor, ...switches) {
	menu(anchor, [
		chat.me().away ? run("back", "", "I am back") : run("away", "", "I am away", WHY),
		run("nick", "", "Change name", ["name", "New name", { value: chat.name }]),
		run("register"),
		run("login"),
		run("passwd"),
		...switches,
		["Leave the chat", chat.quit],
	]);
}
