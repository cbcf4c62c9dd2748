// What is read of a conversation: the server counts what is unread, for all devices, and we go on from there.

import * as talks from "./conversations.js";
import { chat, ui } from "./state.js";
import { levelOf } from "./levels.js";
import { request } from "./wire.js";

const READ_PAUSE = 1000; // ms between two words about what was read

export const isUnread = ({ read }, item) => item.seq > read && item.kind === "message" && !chat.isMine(item);
export const isForMe = ({ text }) => chat.caller().test(text);

// Whether it calls us, as we have chosen for `room`.
export function isCall(room, item) {
	const level = levelOf(room);
	if (level !== "mentions") return level === "all";
	return item.isForMe || (item.reply_to > 0 && chat.isMine(room.find(item.reply_to)));
}

// What is seen is read. What comes while one looks elsewhere is behind the line "New messages".
export function see(room) {
	const seen = ui.seen(room);
	if (room.unread && seen < room.latest) room.mark ??= room.read;
	isRead(room, seen);
}

// Up to `seq`; `told`: the server knows it.
export function isRead(room, seq, told = room.told) {
	room.read = Math.max(room.read, seq);
	room.told = Math.max(room.told, told);
	count(room);
	tellRead();
}

// All that is unread is here, or the server has counted it.
export function count(room) {
	const left = room.latest - room.read;
	const here = room.reaches(room.read) && room.items.filter(item => isUnread(room, item));
	room.unread = here ? here.length : Math.min(room.unread, left);
	room.mentions = here ? here.filter(item => item.isForMe).length : Math.min(room.mentions, room.unread);
}

let telling; // when the next may be told

function tellRead() {
	const late = talks.all().filter(room => room.told < room.read && !room.gone);
	if (telling || !late[0]) return;
	telling = setTimeout(tellNow, READ_PAUSE);
	if (chat.state !== "in") return;
	for (const room of late) {
		room.told = room.read;
		request("read", { ...room.address, seq: room.read }).catch(() => 0);
	}
}

function tellNow() {
	clearTimeout(telling);
	telling = 0;
	tellRead();
}

addEventListener("pagehide", tellNow);
