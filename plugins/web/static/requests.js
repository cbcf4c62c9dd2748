// What is asked of the server, and how its refusals are told.

import { chat, ui } from "./state.js";
import { request } from "./wire.js";

// `about`: what the answer is told with, besides the room.
export const say = (room, text, { reply_to, key } = {}) =>
	request("say", { text, ...room.address, reply_to, key }, { room });

// What the command tells is shown in `room`, or put into the array `quiet`. Some commands need no room.
export async function order(room, name, args, quiet) {
	await request("command", { name, args, ...room?.address }, { room, quiet });
	if (args.setting === "key") room.secret = args.value; // to come back by
}

export const failed = room => error => chat.tell(room, error.text, "error");

// What a command answers, in the field that has its name.
export async function answer(name) {
	const quiet = [];
	await order(null, name, {}, quiet).catch(() => {});
	return quiet.find(frame => frame[name])?.[name];
}

// Have the table of commands.
export async function learn() {
	const { commands } = await request("commands").catch(() => chat);
	chat.commands = commands;
	ui.learned();
	if (chat.account && chat.known("notify")) await order(null, "notify", { level: "list" }, []).catch(() => 0);
}
