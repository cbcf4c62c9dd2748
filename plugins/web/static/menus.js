// What one can choose to do about a member, a room, or oneself. Of commands, a menu has those that the server has.

import * as account from "./account.js";
import { enter, leave, run } from "./commands.js";
import * as talks from "./conversations.js";
import * as levels from "./levels.js";
import { $, ask, button, el, harmful, menu, named, plural } from "./dom.js";
import * as requests from "./requests.js";
import * as session from "./session.js";
import { chat, ui } from "./state.js";
import { stays } from "./tokens.js";

export function memberMenu(anchor, name) {
	const { role } = chat.active.member(name);
	const user = { user: name };
	const who = run("whois", user, `Who is ${name}?`);
	const talk = [["Direct message", () => chat.show(talks.directTo(name))], run("ignore", user, "Ignore")];
	const orders = [
		role === "operator" ? run("deop", user, "No operator any more") : run("op", user, "Make an operator"),
		run("mute", user, `Mute ${name}`),
		run("unmute", user, "Let speak again")
	];
	const harm = [harmful(run("kick", user, `Kick ${name}`)), harmful(run("ban", user, `Ban ${name}`))];
	if (chat.isMe(name)) menu(anchor, [[who]]);
	else menu(anchor, [[who, ...talk], ...(chat.me().role ? [orders, harm] : [])]);
}

$("more").onclick = () => {
	const room = chat.active;
	const { name, direct, gone, topic } = room;
	const close = talks.all()[1] && ["Close", () => leave(room)];
	const inRoom = [
		[
			run("topic", {}, "Set the topic", ["text", "Topic (- for none)", { value: topic }]),
			room.pins?.size > 0 && [`Pinned messages (${room.pins.size})`, () => ui.pins(room)],
			invitation(room),
			chat.me().role && run("room", { setting: "key" }, "Set a key", ["value", "Key (off: none)", { class: "secret" }])
		],
		[harmful([`Leave ${name}`, () => leave(room)])]
	];
	const anew = [name && [again(room), () => comeBack(room)], ["Join another room …", joinAnother]];
	const level = room.id !== null && [
		`Notifications: ${LEVELS.get(levels.levelOf(room)).toLowerCase()} …`,
		() => chooseLevel(room)
	];
	if (gone) menu($("more"), [anew, [name && close]]);
	else if (direct) menu($("more"), [[level, run("whois", { user: name }, `Who is ${name}?`)], [close]]);
	else menu($("more"), [[level], ...inRoom]);
};

const LEVELS = new Map(Object.entries({ all: "All messages", mentions: "Mentions and answers", none: "None" }));

// What calls one in `room`. Who has no account has it so until the page is closed.
async function chooseLevel(room) {
	const choices = { choices: [...LEVELS], value: levels.levelOf(room) };
	const isKept = chat.account && chat.known("notify");
	const kept = isKept ? "It is so on all your devices." : "It is so until you close this page.";
	const given = await ask(`Notifications of ${room.name}`, [["level", "What calls you", choices]], "OK", kept);
	if (!given) return;
	const level = given.level === levels.usual(room) ? "usual" : given.level;
	if (isKept) await requests.order(room, "notify", { level }, []).catch(requests.failed(room));
	else levels.choose(room, given.level);
	chat.changed();
}

// Changes one's words to what is typed: the server has each by itself.
async function chooseWords() {
	const room = chat.active;
	const before = levels.words;
	const field = ["words", "Words, with spaces between them", { value: before.join(" "), required: null }];
	const given = await ask(
		"Words that call you",
		[field],
		"OK",
		"They call you as your name does, on all your devices."
	);
	if (!given) return;
	const after = given.words.split(/\s+/).filter(Boolean);
	const change = (act, words) => words.map(word => ["highlight", { act, word }]);
	const orders = [
		...change(
			"remove",
			before.filter(word => !after.includes(word))
		),
		...change(
			"add",
			after.filter(word => !before.includes(word))
		)
	];
	for (const [name, args] of orders) await requests.order(null, name, args, []).catch(requests.failed(room));
}

const invitation = ({ name }) => run("invite", { room: name }, "Invite somebody");

// What there is to do where nothing can be said any more.
export const again = ({ direct, name }) => (direct ? `Write to ${name} anew` : "Come back");
export const comeBack = ({ direct, name }) => (direct ? chat.show(talks.directTo(name)) : enter(name));

export async function joinAnother() {
	const rooms = (await requests.answer("rooms")) ?? [];
	const go = name => {
		$("ask").close();
		enter(name);
	};
	const choice = ({ name, members, topic }) =>
		button(() => go(name), named(name, plural(members, "member") + (topic ? ` · ${topic}` : "")));
	const given = await ask("Join a room", [["room", "Room"]], "Join", el("menu", rooms.map(choice)));
	if (given) enter(given.room);
}
$("add-room").onclick = joinAnother;

export function selfMenu(anchor, ...switches) {
	menu(anchor, [
		[
			chat.me().away ? run("back", {}, "I am back") : run("away", {}, "I am away"),
			run("nick", {}, "Change name", ["name", "New name", { value: chat.name }]),
			...(chat.account
				? [chat.known("highlight") && ["Words that call me …", chooseWords], ["Account and devices …", account.open]]
				: [account.credentials("register"), account.credentials("login")])
		],
		switches,
		// Who stays logged in leaves by closing the window.
		[harmful(stays() ? ["Log out", () => session.logout()] : ["Leave the chat", ui.leave])]
	]);
}
