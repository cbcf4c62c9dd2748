import * as chat from "./chat.js";
import { enter, leave, run } from "./composer.js";
import { $, ask, avatar, button, el, menu, nodesOf, plural, sync } from "./dom.js";
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
	$("topic").title = topic;
	$("text").ariaLabel = $("text").placeholder = `Message ${name}`;
	$("self").replaceChildren(avatar(chat.name), label(chat.name, away && `away: ${away}`));
}

function rooms(list, direct) {
	const shown = chat.all().filter(room => room.direct === direct);
	const sign = room => [room.name, room.unread, room.mentions.size, room.gone, room === chat.active].join();
	sync(
		list,
		shown.map(room => ({ room, key: room.key, sign: sign(room) })),
		({ room }) => {
			const { name, unread, mentions, gone } = room;
			const count = `${mentions.size ? "@" : ""}${unread}`;
			const badge = unread > 0 && el(`span.badge${mentions.size ? ".for-me" : ""}`, count, el("span.sr", " unread"));
			const sign = direct ? avatar(name) : el("i", "#");
			const go = button(() => chat.show(room), sign, el("bdi", name), badge);
			go.ariaCurrent = room === chat.active;
			return el(gone ? "li.gone" : "li", go);
		}
	);
}

function memberList(all) {
	all.sort((a, b) => (RANKS[b.role] ?? 0) - (RANKS[a.role] ?? 0) || compare(a.name, b.name));
	const [title, list] = $("members").children;
	title.textContent = plural(all.length, "member");
	const sign = ({ role, away }) => [role, away].join();
	const shown = all.slice(0, MOST).map(member => ({ ...member, key: member.name, sign: sign(member) }));
	sync(list, shown, ({ name, role, away }) => {
		const note = [role, away && `away: ${away}`].filter(Boolean).join(", ");
		const open = button(() => memberMenu(open, name), avatar(name), label(name, note));
		return el(away ? "li.away" : "li", open);
	});
}

const MAYBE = { required: null };
const TIME = ["time", "For how long (10m, 2h, 7d)", MAYBE];
const WHY = ["why", "Why", MAYBE];

function memberMenu(anchor, name) {
	const { role } = chat.active.member(name);
	const who = run("whois", name, `Who is ${name}?`);
	const talk = [["Direct message", () => chat.show(chat.expect(name, true))], run("ignore", name, "Ignore")];
	const order = [
		run("kick", name, `Kick ${name}`, WHY),
		run("mute", name, `Mute ${name}`, TIME, WHY),
		run("unmute", name, "Let speak again"),
		run("ban", name, `Ban ${name}`, TIME, WHY),
		role === "operator" ? run("deop", name, "No operator any more") : run("op", name, "Make an operator")
	];
	if (chat.isMe(name)) menu(anchor, [who]);
	else menu(anchor, [who, ...talk, ...(chat.me().role ? order : [])]);
}

$("more").onclick = () => {
	const { name, direct, topic } = chat.active;
	const inRoom = [
		run("topic", "", "Set the topic", ["topic", "Topic (- for none)", { value: topic }]),
		run("invite", "", "Invite somebody", ["name", "Name"]),
		chat.me().role && run("room", "key", "Set a key", ["key", "Key (off: none)"]),
		[`Leave ${name}`, () => leave(chat.active)]
	];
	menu($("more"), direct ? [run("whois", name, `Who is ${name}?`), ["Close", () => leave(chat.active)]] : inRoom);
};

$("add-room").onclick = async () => {
	const rooms = (await chat.answer("/rooms", "rooms")) ?? [];
	const go = name => ($("ask").close(), enter(name));
	const choice = ({ name, members, topic }) =>
		button(() => go(name), label(name, plural(members, "member") + (topic ? ` · ${topic}` : "")));
	const given = await ask("Join a room", [["room", "Room"]], "Join", el("menu", rooms.map(choice)));
	if (given) enter(given.room);
};

export function selfMenu(anchor, ...switches) {
	menu(anchor, [
		chat.me().away ? run("back", "", "I am back") : run("away", "", "I am away", WHY),
		run("nick", "", "Change name", ["name", "New name", { value: chat.name }]),
		run("register"),
		run("login"),
		run("passwd"),
		...switches,
		["Leave the chat", chat.quit]
	]);
}
