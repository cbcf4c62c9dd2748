// What the server has: asked for by pages, around a message, and after an absence.

import { apply, reach, renew } from "./changes.js";
import { add, itemOf } from "./incoming.js";
import { count } from "./reading.js";
import { chat, ui } from "./state.js";
import { bucket, isUp, request } from "./wire.js";

const PAGE = 100; // messages
const CATCH_UP = 10; // pages, after an absence
const AROUND = 25; // messages behind one that is jumped to

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
	if (!room.past || room.checking) return;
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
export async function fetchSaid(room, seq, rev) {
	const ask = { ...room.address, limit: 1, epoch: room.epoch || "?", rev: rev - 1 };
	const { events } = await request("history", ask).catch(() => ({ events: [] }));
	for (const event of events) if (event.seq === seq) add(room, [{ ...event, own: true }], seq);
}

// Have new addresses of the files of a message: those that came with it hold for some hours.
export async function renewFiles(room, item) {
	const ask = { ...room.address, before: item.seq + 1, limit: 1 };
	const { events } = await request("history", ask).catch(() => ({ events: [] }));
	const files = events.find(({ seq }) => seq === item.seq)?.files;
	if (!files || !item.files) return false;
	Object.assign(item, { files, looks: (item.looks ?? 0) + 1 });
	chat.changed();
	return true;
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
	room.checking = false;
	await present(room);
	count(room);
	ui.pump();
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
