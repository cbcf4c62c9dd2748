import * as chat from "./chat.js";
import { same } from "./conversations.js";
import { mentions } from "./text.js";
import { bucket, isUp, request } from "./wire.js";

const KEPT = 500; // items of a room. The server has the others
const PAGE = 100; // messages
const CATCH_UP = 10; // pages, after an absence
const AROUND = 25; // messages behind one that is jumped to
const READ_PAUSE = 1000; // ms between two words about what was read
const RECENT = 200; // changes that are kept, since the message may come only after them

function itemOf({ type: kind, own, edited, reactions, ...event }) {
	const item = { ...event, kind, time: Date.parse(event.time) };
	if (own) Object.assign(item, { mine: true, state: "stored" });
	if (kind === "message") item.reactions = new Map(Object.entries(reactions ?? {}));
	if (edited) item.edited = Date.parse(edited);
	const { time, name } = item;
	return item.seq ? item : { kind: "presence", time, once: `${kind} ${name} ${time}`, folded: [item] };
}

// `live`: its number. `end`: where the reader is.
export function add(room, events, live = 0, end = room.following) {
	room.latest = Math.max(room.latest, live);
	const items = events.map(itemOf);
	for (const item of items) renew(room, item);
	const added = live && room.past ? items : room.add(...items);
	for (const event of room.recent) apply(room, event);
	for (const item of added) {
		if (!isUnread(room, item)) continue;
		item.isForMe = isForMe(room, item);
		if (live) {
			room.unread++;
			room.mentions += item.isForMe;
		}
		const calls = item.isForMe || (item.reply_to && isMine(room.find(item.reply_to)));
		if (live && (calls || room === chat.active)) chat.ui.heard(item, room);
		if (calls && (live || room.checking)) chat.ui.alert(room, item);
	}
	const surplus = room.items.length - KEPT;
	if (surplus > 0 && room.more !== null) {
		room.keep(end ? surplus : 0, end ? Infinity : KEPT);
		room[end ? "more" : "past"] = true;
	}
	if (live && events[0].own) isRead(room, live, live); // by who has said it, on another device
	see(room);
	chat.changed();
}

// --- what is read of it ---

const isUnread = ({ read }, item) => item.seq > read && item.kind === "message" && !isMine(item);
const isForMe = (room, { text }) => room.direct || mentions(chat.name).test(text);

// What is seen is read. What comes while one looks elsewhere is behind the line "New messages".
export function see(room) {
	const seen = chat.ui.seen(room);
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
	const late = chat.all().filter(room => room.told < room.read && !room.gone);
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

// --- what becomes of it ---

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
const touch = item => (item.looks = (item.looks ?? 0) + 1);

const changes = new Map(
	Object.entries({
		edited(item, { text, time }, room) {
			chat.ui.reworded(room, item, text);
			Object.assign(item, { text, edited: Date.parse(time), isForMe: isForMe(room, { text }) });
		},

		deleted(item, { by }, room) {
			chat.ui.reworded(room, item, null);
			for (const field of ["text", "reactions", "reply_to", "state", "why", "action"]) delete item[field];
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
	for (const item of chat.all().flatMap(room => room.items))
		for (const [emoji, names] of item.reactions ?? []) {
			if (!names.some(other => same(other, old))) continue;
			item.reactions.set(emoji, [...names.filter(other => !same(other, old)), name]);
			touch(item);
		}
}

// What we have of `item` is older.
function renew(room, item) {
	if (item.kind === "deleted") return apply(room, { ...item, type: "deleted" });
	for (const old of [room.known.get(item.seq), room.quotes.get(item.seq)]) {
		if (!old || old.id !== item.id || !(item.rev > (old.rev ?? 0))) continue;
		const { text, edited, reactions, rev } = item;
		if (old.text !== text) chat.ui.reworded(room, old, text);
		Object.assign(old, { text, edited, reactions, rev, isForMe: isForMe(room, item) });
		touch(old);
	}
}

// --- what we may do ---

export const isMine = item => !!item?.sender && (item.mine || chat.isMe(item.sender));
export const isMyReaction = names => names.some(chat.isMe);

// Whether it can be answered, at least.
export const isThere = (room, item) => (room.direct || !!room.epoch) && !room.gone && item.kind === "message" && item.seq > 0;

export function mayEdit(room, item) {
	const seconds = chat.limits.edit_seconds;
	return isThere(room, item) && isMine(item) && !(seconds && Date.now() - item.time > seconds * 1000);
}

export const mayDelete = (room, item) => isThere(room, item) && (isMine(item) || !!room.member(chat.name).role);

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
	ask("react", room, item, { emoji, on: !isMyReaction(item.reactions.get(emoji) ?? []) }).catch(chat.failed(room));

export const remove = (room, item) => ask("delete", room, item).catch(chat.failed(room));

export const edit = (room, item, text) => ask("edit", room, item, { text });

// --- by pages: the server has it ---

async function page(room, where) {
	room.loading = true;
	try {
		const found = await request("history", { ...room.address, limit: PAGE, ...where });
		if (!room.checking) room.epoch = found.epoch ?? "";
		add(room, found.events, 0, !("before" in where));
		return found;
	} catch ({ code }) {
		if (code !== "lost") room.more = room.past = null; // the server keeps none
	} finally {
		room.loading = false;
		chat.changed();
	}
}

export const canLoad = room => chat.state === "in" && !room.gone && !room.loading && !room.checking;

export async function older(room, before = room.first) {
	const found = await page(room, { before });
	if (found) room.more = !!found.more;
}

// `anew`: what is not in there is not there any more.
export async function newer(room, after = room.last, anew) {
	const found = await page(room, after > 0 ? { after } : { since: "1970-01-01T00:00:00Z" }); // 0 is no condition
	const last = found?.events.findLast(({ seq }) => seq)?.seq ?? after;
	if (found && anew) {
		const there = new Set(found.events.map(({ seq }) => seq));
		for (const item of room.items) if (item.seq > after && item.seq <= last && !there.has(item.seq)) room.remove(item);
	}
	if (found && (!found.more || last >= room.latest)) room.past = false;
	return last;
}

export async function present(room) {
	if (!room.past) return;
	room.past = false;
	room.keep();
	await older(room);
}

export async function jump(room, seq) {
	if (!room.known.get(seq) && room.more !== null) {
		room.keep();
		room.past = true;
		await older(room, seq + AROUND);
	}
	return room.known.get(seq);
}

// Have what stands around the line "New messages".
export async function toMark(room) {
	if (room.reaches(room.mark) || room.more === null) return;
	room.keep();
	room.past = room.more = true;
	await newer(room, Math.max(0, room.mark - AROUND));
}

// What a command has said.
export async function fetch(room, seq, rev) {
	const ask = { ...room.address, limit: 1, epoch: room.epoch || "?", rev: rev - 1 };
	const { events } = await request("history", ask).catch(() => ({ events: [] }));
	for (const event of events) if (event.seq === seq) add(room, [{ ...event, own: true }], seq);
}

// What was said and changed while the connection was lost.
export async function catchUp(room) {
	const { past } = room;
	room.past = true;
	const anew = room.epoch && (await changed(room, past));
	// Who reads far up has not read all that was said before, either.
	if (anew === "") room.past = past;
	let from = anew ? room.first - 1 : room.last;
	for (let i = 0; room.past && room.first && i < CATCH_UP; i++) from = await newer(room, from, anew);
	if (!isUp()) return;
	if (anew) room.epoch = anew; // not before all of it was compared
	if (room.past === null && room.latest > room.last)
		chat.tell(room, "This server does not keep what was said meanwhile.");
	await present(room);
	room.checking = false;
	count(room);
	chat.ui.pump();
}

// All that is newer, as it is now; unless `past`, it is shown from then on. Returns the new epoch, where the server cannot
// tell what is newer; null: it has not told.
async function changed(room, past) {
	let found, before;
	do {
		before = room.rev + room.heard; // which is told while one asks
		const { epoch, rev } = room;
		found = await request("history", { ...room.address, limit: PAGE, epoch, rev }).catch(() => null);
		if (!found) return null;
		const { events, anew } = found;
		room.rev = found.rev;
		if (anew) {
			room.recent = [];
			room.quotes.clear();
			for (const item of room.items) item.rev = 0;
		}
		for (const event of events) renew(room, itemOf(event));
		// One that was changed long after it was said may stand far above what is shown; and by pages comes all.
		add(
			room,
			events.filter(({ seq }) => (anew ? room.more === null : !past && seq > room.first))
		);
	} while (!found.anew && (found.more || (room.rev < room.heard && room.rev + room.heard > before)));
	room.behind = false;
	reach(room, room.rev);
	return found.anew ? found.epoch : "";
}

// The message that others answer, where it is not shown: one after the other, and never so that one's own words wait.
export async function lookUp(room, seq) {
	if (room.more === null) return room.quotes.set(seq, null);
	if (!canLoad(room) || room.quoting || bucket.wait(bucket.burst / 2)) return;
	room.quoting = true;
	try {
		const { events } = await request("history", { ...room.address, before: seq + 1, limit: 1 });
		const found = events.find(event => event.seq === seq) ?? { type: "deleted", seq };
		room.quotes.set(seq, itemOf(found));
		for (const event of room.recent) apply(room, event);
	} catch ({ code }) {
		if (code !== "lost") room.quotes.set(seq, null);
	} finally {
		room.quoting = false;
		chat.changed();
	}
}
