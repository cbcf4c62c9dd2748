import * as account from "./account.js";
import * as chat from "./chat.js";
import { enter, leave, run } from "./composer.js";
import { $, ask, avatar, button, el, menu, nodesOf, plural, sync } from "./dom.js";
import { parse } from "./text.js";
import { stays } from "./tokens.js";

const MOST = 500; // members in the list
const RANKS = new Map([
	["operator", 2],
	["owner", 1]
]);
const rank = ({ role }) => RANKS.get(role) ?? 0;
const { compare } = new Intl.Collator();
const label = (name, note) => el("span", el("bdi", name), el("small", note));

export function render() {
	const { name, direct, topic = "", members, unnamed = 0, gone } = chat.active;
	const { away } = chat.me();
	rooms($("room-list"), false);
	rooms($("direct-list"), true);
	memberList([...(members?.values() ?? [])], unnamed);
	$("open-members").hidden = $("members").hidden = direct || !!gone;
	elsewhere();
	$("title").textContent = name || "No room";
	$("title").className = direct || !name ? "" : "room";
	$("topic").replaceChildren(...nodesOf(parse(topic)));
	$("topic").title = topic;
	$("text").ariaLabel = $("text").placeholder = `Message ${name || "…"}`;
	$("self").replaceChildren(avatar(chat.name), label(chat.name, away && `away: ${away}`));
}

function rooms(list, direct) {
	const shown = chat.all().filter(room => room.direct === direct);
	const sign = room => [room.name, room.unread, room.mentions, note(room), room === chat.active].join();
	const row = room => ({ room, key: room.key, sign: sign(room) });
	sync(list, shown.map(row), ({ room }) => {
		const { name, gone } = room;
		const sign = direct ? avatar(name) : el("i", "#");
		const go = button(() => chat.show(room), sign, el("bdi", name), el("small", note(room)), badge(room));
		go.ariaCurrent = room === chat.active;
		return el(gone ? "li.gone" : "li", go);
	});
}

// What tells two apart that have the same name.
const note = ({ direct, gone, earlier }) => (gone ? (direct ? "ended" : "gone") : earlier && "earlier");

function badge({ unread, mentions }) {
	if (unread > 0) return el(mentions ? "span.badge.for-me" : "span.badge", count(unread, mentions), el("span.sr", " unread"));
}

const count = (unread, mentions) => `${mentions ? "@" : ""}${unread}`;

// Where the list is in a drawer, its button tells what is unread in there.
export function elsewhere() {
	const others = chat.all().filter(room => room !== chat.active && room.unread > 0);
	const unread = others.reduce((sum, room) => sum + room.unread, 0);
	const mentions = others.reduce((sum, room) => sum + room.mentions, 0);
	const mark = $("elsewhere");
	mark.textContent = unread ? count(unread, mentions) : "";
	mark.className = mentions ? "badge for-me" : "badge";
	mark.parentNode.ariaDescription = unread ? `${unread} unread` : "";
}

function memberList(all, unnamed) {
	all.sort((a, b) => rank(b) - rank(a) || compare(a.name, b.name));
	const [title, list] = $("members").children;
	title.textContent = plural(all.length + unnamed, "member");
	const sign = ({ role, away }) => [role, away].join();
	const shown = all.slice(0, MOST).map(member => ({ ...member, key: member.name, sign: sign(member) }));
	sync(list, shown, ({ name, role, away }) => {
		const note = [role, away && `away: ${away}`].filter(Boolean).join(", ");
		const open = button(() => memberMenu(open, name), avatar(name), label(name, note));
		return el(away ? "li.away" : "li", open);
	});
}

function memberMenu(anchor, name) {
	const { role } = chat.active.member(name);
	const user = { user: name };
	const who = run("whois", user, `Who is ${name}?`);
	const talk = [["Direct message", () => chat.show(chat.directTo(name))], run("ignore", user, "Ignore")];
	const order = [
		run("kick", user, `Kick ${name}`),
		run("mute", user, `Mute ${name}`),
		run("unmute", user, "Let speak again"),
		run("ban", user, `Ban ${name}`),
		role === "operator" ? run("deop", user, "No operator any more") : run("op", user, "Make an operator")
	];
	if (chat.isMe(name)) menu(anchor, [who]);
	else menu(anchor, [who, ...talk, ...(chat.me().role ? order : [])]);
}

$("more").onclick = () => {
	const room = chat.active;
	const { name, direct, gone, topic } = room;
	const close = chat.all()[1] && ["Close", () => leave(room)];
	const inRoom = [
		run("topic", {}, "Set the topic", ["text", "Topic (- for none)", { value: topic }]),
		run("invite", { room: name }, "Invite somebody"),
		chat.me().role && run("room", { setting: "key" }, "Set a key", ["value", "Key (off: none)", { class: "secret" }]),
		[`Leave ${name}`, () => leave(room)]
	];
	if (gone) menu($("more"), [name && [again(room), () => comeBack(room)], ["Join another room …", joinAnother], name && close]);
	else menu($("more"), direct ? [run("whois", { user: name }, `Who is ${name}?`), close] : inRoom);
};

// What there is to do where nothing can be said any more.
export const again = ({ direct, name }) => (direct ? `Write to ${name} anew` : "Come back");
export const comeBack = ({ direct, name }) => (direct ? chat.show(chat.directTo(name)) : enter(name));

export async function joinAnother() {
	const rooms = (await chat.answer("rooms")) ?? [];
	const go = name => {
		$("ask").close();
		enter(name);
	};
	const choice = ({ name, members, topic }) =>
		button(() => go(name), label(name, plural(members, "member") + (topic ? ` · ${topic}` : "")));
	const given = await ask("Join a room", [["room", "Room"]], "Join", el("menu", rooms.map(choice)));
	if (given) enter(given.room);
}
$("add-room").onclick = joinAnother;

export function selfMenu(anchor, ...switches) {
	menu(anchor, [
		chat.me().away ? run("back", {}, "I am back") : run("away", {}, "I am away"),
		run("nick", {}, "Change name", ["name", "New name", { value: chat.name }]),
		...(chat.account
			? [["Account and devices …", account.open]]
			: [account.credentials("register"), account.credentials("login")]),
		...switches,
		// Who stays logged in leaves by closing the window.
		stays() ? ["Log out", () => chat.logout()] : ["Leave the chat", chat.ui.leave]
	]);
}
