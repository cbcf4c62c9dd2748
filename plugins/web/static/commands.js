// Commands: as menus and dialogs run them, and those that this page carries out itself.

import { remove } from "./changes.js";
import * as talks from "./conversations.js";
import { $, ask, plural } from "./dom.js";
import * as requests from "./requests.js";
import * as sender from "./sender.js";
import * as session from "./session.js";
import { chat, ui } from "./state.js";
import * as tokens from "./tokens.js";
import { choose } from "./upload.js";

// What changes how one is logged in: see "Passwords" in PAGE.md.
const PROVEN = /^(register|login|passwd|unregister)$/;

export async function command(room, name, { keep = tokens.stays(), ...args }) {
	try {
		await requests.order(room, name, args);
		if (PROVEN.test(name)) await session.prove(name === "unregister" ? "" : (args.new ?? args.password), keep);
	} catch (error) {
		chat.tell(room, error.text, "error");
	}
}

// A menu's entry that runs a command where the menu was opened. It asks for what is not in `args`, or for `fields`. Nothing,
// if the server has no such command.
export function run(name, args, label, ...fields) {
	const room = chat.active;
	const known = chat.known(name);
	if (!known) return undefined;
	const missing = known.arguments?.filter(({ name }) => !(name in args)) ?? [];
	const asked = fields[0] ? fields : missing.map(fieldOf);
	const act = async () => {
		const given = asked[0] ? await ask(label, asked, "OK") : {};
		if (given) command(room, name, { ...args, ...given });
	};
	return [asked[0] ? `${label} …` : label, act];
}

function fieldOf({ name, kind, optional }) {
	const label = name[0].toUpperCase() + name.slice(1) + (kind === "duration" ? " (10m, 2h, 7d)" : "");
	return [name, label, { required: optional ? null : "", class: kind }];
}

// Carries out what this page does itself: returns whether `text` was such a command.
export function runHere(room, text) {
	const [, name, first, rest] = /^(\S*)\s*(\S*)\s*([^]*)/.exec(sender.slashed(text).trim());
	switch (name.toLowerCase()) {
		case "/join":
			if (first) enter(first, rest);
			return !!first;
		case "/part": {
			const meant = first ? talks.roomTyped(first) : room;
			if (meant) leave(meant);
			return !!meant;
		}
		case "/msg": {
			if (!first) return false;
			const direct = talks.directTo(first, true);
			chat.show(direct);
			if (rest) sender.addText(direct, rest);
			sender.pump();
			return true;
		}
		case "/room":
			if (!rest || !/^key$/i.test(first)) return false;
			command(room, "room", { setting: "key", value: rest });
			return true;
		case "/upload":
			return !!room && choose();
		case "/quit":
			ui.leave();
			return true;
		case "/logout":
			session.logout();
			return true;
		default:
			return false;
	}
}

// Into a room, and to it: but who types meanwhile stays where they began.
export async function enter(name, key) {
	const before = chat.active;
	const strokes = ui.strokes();
	try {
		const room = await session.enter(name, key);
		if (chat.active === before && ui.strokes() === strokes) chat.show(room);
		else if (chat.active !== room) chat.tell(chat.active, `You have come into ${room.name}. `, "invited", room.name);
	} catch ({ code, text }) {
		if (code !== "room_key") return chat.tell(before, text, "error");
		const fields = [["key", "Key of the room", { class: "secret" }]];
		const given = await ask(`Join ${name}`, fields, "Join", key && "This is not its key.");
		if (given) await enter(name, given.key);
	}
}

export async function leave(room) {
	const unsaid = sender.unsaid(room);
	const note = `${plural(unsaid, "line")} of yours would be lost.`;
	if (unsaid && !(await ask(`Leave ${room.name}?`, [], "Leave", note))) return;
	await session.part(room).catch(requests.failed(room));
}

export async function removal(room, item) {
	const note = "Nobody can read it any more, wherever it is shown.";
	if (item && (await ask("Delete this message?", [], "Delete", note))) await remove(room, item);
	$("log").focus({ preventScroll: true });
}
