// What becomes of messages, and what of that we may do ourselves: edit, delete, react.

import * as talks from "./conversations.js";
import { same } from "./conversations.js";
import { count, isForMe } from "./reading.js";
import * as requests from "./requests.js";
import { chat, ui } from "./state.js";
import { request } from "./wire.js";

const RECENT = 200; // changes that are kept, since the message may come only after them

// All that has happened in `room` up to `rev` is known; while catching up, that comes later.
export function reach(room, rev = 0) {
	room.heard = Math.max(room.heard, rev);
	if (!room.behind) room.rev = room.heard;
}

// `event`, as all are told.
export function change(room, event) {
	reach(room, event.rev);
	const others = room.recent.filter(({ seq }) => event.type !== "deleted" || seq !== event.seq);
	room.recent = [...others, event].slice(-RECENT);
	apply(room, event);
	count(room);
	chat.changed();
}

export function apply(room, event) {
	for (const item of [room.known.get(event.seq), room.quotes.get(event.seq)]) {
		if (!item || item.kind === "deleted" || event.rev <= (item.rev ?? 0)) continue;
		changes.get(event.type)(item, event, room);
		item.rev = event.rev;
		touch(item);
	}
}

// It looks different by now.
export const touch = item => (item.looks = (item.looks ?? 0) + 1);

const changes = new Map(
	Object.entries({
		edited(item, { text, time }, room) {
			ui.reworded(room, item, text);
			Object.assign(item, { text, edited: Date.parse(time), isForMe: isForMe({ text }) });
		},

		deleted(item, { by }, room) {
			ui.reworded(room, item, null);
			for (const field of ["text", "files", "reactions", "reply_to", "state", "why", "action"]) delete item[field];
			Object.assign(item, { kind: "deleted", by });
		},

		reacted(item, { by, emoji, on }) {
			const others = (item.reactions.get(emoji) ?? []).filter(name => !same(name, by));
			const names = on ? [...others, by] : others;
			if (names[0]) item.reactions.set(emoji, names);
			else item.reactions.delete(emoji);
		}
	})
);

// Reactions are told by the names that people have now.
export function renameReactions(old, name) {
	for (const item of talks.all().flatMap(room => room.items))
		for (const [emoji, names] of item.reactions ?? []) {
			if (!names.some(other => same(other, old))) continue;
			item.reactions.set(emoji, [...names.filter(other => !same(other, old)), name]);
			touch(item);
		}
}

// What we have of `item` is older.
export function renew(room, item) {
	if (item.kind === "deleted") return apply(room, { ...item, type: "deleted" });
	for (const old of [room.known.get(item.seq), room.quotes.get(item.seq)]) {
		if (!old || old.id !== item.id || !(item.rev > (old.rev ?? 0))) continue;
		const { text, edited, reactions, rev } = item;
		if (old.text !== text) ui.reworded(room, old, text);
		Object.assign(old, { text, edited, reactions, rev, isForMe: isForMe(item) });
		touch(old);
	}
}

// --- what we may do ---

export const isMyReaction = names => names.some(chat.isMe);

// Whether it can be answered, at least.
export const isThere = (room, item) =>
	(room.direct || !!room.epoch) && !room.gone && item.kind === "message" && item.seq > 0;

export function mayEdit(room, item) {
	const seconds = chat.limits.edit_seconds;
	return isThere(room, item) && chat.isMine(item) && !(seconds && Date.now() - item.time > seconds * 1000);
}

export const mayDelete = (room, item) => isThere(room, item) && (chat.isMine(item) || !!room.member(chat.name).role);

// What names one, for later: whether it is gone, or its number is another one's by now.
export const pointer = (room, { seq, id }) => ({ seq, id, epoch: room.epoch });

export function isGone(room, { seq, id, epoch }) {
	const now = room.find(seq);
	const isSame = epoch === room.epoch;
	return now && (isSame || room.more !== null) ? now.kind === "deleted" || now.id !== id : !isSame;
}

// --- what we do ---

async function ask(type, room, { seq }, what) {
	if (room.checking) throw { text: "What was said meanwhile is still to come. Try again." };
	await request(type, { ...room.address, seq, ...what }, { room });
}

export const react = (room, item, emoji) =>
	ask("react", room, item, { emoji, on: !isMyReaction(item.reactions.get(emoji) ?? []) }).catch(requests.failed(room));

export const remove = (room, item) => ask("delete", room, item).catch(requests.failed(room));

export const edit = (room, item, text) => ask("edit", room, item, { text });
