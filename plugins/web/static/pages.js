// What was said before, by pages: the server has it.

import * as chat from "./chat.js";
import { resolve } from "./sender.js";
import * as wire from "./wire.js";

const PAGE = 100; // messages
const CATCH_UP = 10; // pages, after an absence
const OVERLAP = 20; // messages whose numbers a killed server may give to others
const AROUND = 25; // messages behind one that is jumped to

async function page(room, where) {
	room.loading = true;
	try {
		const found = await wire.request("history", { room: room.name, limit: PAGE, ...where });
		chat.add(room, found.events, 0, !("before" in where));
		return found;
	} catch ({ code }) {
		if (code !== "lost") room.more = room.past = null; // the server keeps none
	} finally {
		room.loading = false;
		chat.changed();
	}
}

export const canLoad = room => chat.state === "in" && !room.gone && !room.loading;

export async function older(room, before = room.first) {
	const found = await page(room, { before });
	if (found) room.more = !!found.more;
}

export async function newer(room, after = room.last) {
	const found = await page(room, after > 0 ? { after } : { since: "1970-01-01T00:00:00Z" }); // 0 is no condition
	const last = found?.events.findLast(({ seq }) => seq)?.seq ?? after;
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
	if (!room.known.get(seq)) {
		room.keep();
		room.past = true;
		await older(room, seq + AROUND);
	}
	return room.known.get(seq);
}

// What was said while the connection was lost; also whether our own arrived.
export async function catchUp(room) {
	const unsure = room.items.filter(item => item.state === "unsure");
	let from = Math.min(room.last - OVERLAP, ...unsure.map(item => item.since));
	room.past = true;
	for (let i = 0; room.past && i < CATCH_UP; i++) from = await newer(room, from);
	if (!wire.isUp()) return;
	if (room.past === null && room.latest > room.last)
		chat.tell(room, "This server does not keep what was said meanwhile.");
	await present(room);
	resolve(room);
}
