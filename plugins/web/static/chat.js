// The chat: what the server tells us, what we ask of it.

import { fold, mentions } from "./text.js";
import { Timeline } from "./timeline.js";
import * as wire from "./wire.js";

const PAGE = 100; // messages
const CATCH_UP = 10; // pages, after an absence
const OVERLAP = 20; // messages whose numbers a killed server may give to others
const AROUND = 25; // messages behind one that is jumped to
const KEPT = 500; // items of a room. The server has the others
const CLOSED = /^room_|^too_many_rooms/; // other rooms may let us in
const SOON = /^(full|timeout|name_taken)$/; // so one tries again

export let state = "out"; // "in", or "lost": for a while
export let trouble = ""; // what the server said last
export let name = "";
export let limits = {};
export let commands = [];
export let slash = false;
export let active = null;
export const rooms = new Map();

let ui; // see app.js
let ticket;
let joining = null; // the form's promise: [resolve, reject]
let welcomed = false; // on this connection
const early = []; // notices, before there is a room to show them in
const asked = []; // without an ack yet: what commands answer is the first one's

// A room, or what two people say to each other alone (`direct`): that we number ourselves.
class Room extends Timeline {
	latest = 0; // the highest number,
	read = 0; // that was read,
	mark = null; // and that the line "New messages" is behind
	more = true; // the server has older ones; null: it keeps none
	past = false; // and newer ones
	following = true; // the end
	mentions = new Set(); // unread
	members = new Map(); // by folded name: {name, role, away}
	topic = "";
	gone = ""; // why

	constructor(name, direct) {
		super();
		Object.assign(this, { name, direct, key: direct ? `@${fold(name)}` : name, more: direct ? null : true });
	}
	get unread() {
		return this.latest - this.read;
	}
	member(name) {
		return this.members.get(fold(name)) ?? {};
	}
}

export function start(given) {
	ui = given;
	wire.start({ opened, lost, received });
}

function received(frame, was) {
	trouble = frame.type === "error" ? frame.text : "";
	const tell = told[frame.type] ?? told.notice;
	tell(frame, was);
	changed();
}

export const changed = () => ui.changed();
export const all = () => [...rooms.values()];
export const isMe = other => fold(other) === fold(name);
export const me = () => active.member(name);

export const join = given =>
	new Promise((...promise) => {
		ticket = given;
		trouble = "";
		joining = promise;
		if (wire.isUp()) opened();
		else wire.open();
	});

function enterRoom(room, key) {
	const { name, login, phrase: password } = ticket;
	return wire.request("join", { room, key, ...(!welcomed && { name, login, password }) });
}

async function opened() {
	const form = joining;
	welcomed = false;
	try {
		if (form) ticket.room = (await enterRoom(ticket.room, ticket.key)).room;
		for (const room of all().filter(({ direct, gone, name }) => !direct && !gone && !(form && name === ticket.room)))
			await enterRoom(room.name, room.secret).catch(error => {
				if (!CLOSED.test(error.code)) throw error;
				room.gone = error.text;
			});
		if (!welcomed) await enterRoom();
		state = "in";
		joining = null;
		form?.[0]();
		ui.pump();
		learn();
	} catch (error) {
		if (error.code === "lost") return;
		if (form || !SOON.test(error.code)) return out(error);
		trouble = error.text;
		wire.close();
		lost();
	}
}

function lost(forGood) {
	if (state === "out" && !joining) return;
	if (joining || forGood) return out({ text: trouble || (forGood ? "" : "The server cannot be reached. Try again.") });
	state = "lost";
	wire.retry();
	changed();
}

function out(error = {}) {
	const refuse = joining?.[1] ?? ui.out;
	joining = null;
	state = "out";
	refuse(error);
}

export function quit() {
	wire.request("leave").catch(() => out());
	wire.close();
}

export async function enter(name, key) {
	let room = rooms.get(name);
	if (!room || room.gone) room = rooms.get((await enterRoom(name, key)).room);
	room.secret ||= key;
	show(room);
}

export async function part(room) {
	if (!room.direct && !room.gone) await ask(room, "/part", []); // leave would end it all in the last one
	rooms.delete(room.key);
	if (active === room) show(all()[0]);
	changed();
}

export function expect(name, direct = false) {
	const room = new Room(name, direct);
	if (!rooms.has(room.key)) rooms.set(room.key, room);
	return rooms.get(room.key);
}

export function show(room) {
	if (active?.unread === 0) active.mark = null;
	active = room;
	ui.open();
}

// What a command answers is shown in `room`, or put into `quiet`.
export async function ask(room, text, quiet) {
	const entry = { room, quiet };
	asked.push(entry);
	try {
		return await wire.request("say", { text, room: room.direct || room.gone ? "" : room.name });
	} finally {
		asked.splice(asked.indexOf(entry), 1);
	}
}

export const command = (room, line) => ask(room, line).catch(({ text }) => tell(room, text, "error"));

export async function answer(text, field) {
	const quiet = [];
	await ask(active, text, quiet).catch(() => 0);
	return quiet.find(frame => frame[field])?.[field];
}

async function learn() {
	if (slash) commands = (await answer("/help", "commands")) ?? commands;
}

async function page(room, where) {
	room.loading = true;
	try {
		const found = await wire.request("history", { room: room.name, limit: PAGE, ...where });
		add(room, found.events, 0, !("before" in where));
		return found;
	} catch ({ code }) {
		if (code !== "lost") room.more = room.past = null; // the server keeps none
	} finally {
		room.loading = false;
		changed();
	}
}

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

export async function jump(seq) {
	if (!active.known.get(seq)) {
		active.keep();
		active.past = true;
		await older(active, seq + AROUND);
	}
	return active.known.get(seq);
}

async function catchUp(room, from) {
	room.past = true;
	for (let i = 0; room.past && i < CATCH_UP; i++) from = await newer(room, from);
	if (!wire.isUp()) return;
	if (room.past === null && room.latest > room.last) tell(room, "This server does not keep what was said meanwhile.");
	await present(room);
	ui.resolve(room);
}

const told = {
	welcome(frame) {
		const { seq: latest, members, roles = {}, away = {}, topic = "" } = frame;
		const room = expect(frame.room);
		name = frame.name;
		limits = frame.limits;
		slash = !!frame.hint;
		welcomed = true;
		wire.settle(limits);
		const entry = name => [fold(name), { name, role: roles[name], away: away[name] }];
		Object.assign(room, { members: new Map(members.map(entry)), topic, gone: "", latest });
		if (latest < room.last) {
			room.keep(
				0,
				room.items.findIndex(({ seq }) => seq > latest)
			);
			tell(room, "The server has lost what was said last.");
		}
		const unsure = room.items.filter(item => item.state === "unsure");
		room.read = Math.min(room.items[0] ? room.read : latest, latest);
		if (room.items[0]) catchUp(room, Math.min(room.last - OVERLAP, ...unsure.map(item => item.since)));
		if (!active) show(room);
		early.splice(0).forEach(told.notice);
	},

	history({ room, events }, asked) {
		if (!asked && !rooms.get(room).past) add(rooms.get(room), events);
	},

	message: event => add(rooms.get(event.room), [event], event.seq),

	private(event) {
		const room = expect(event.sender, true);
		const seq = room.latest + 1;
		add(room, [{ ...event, type: "message", seq }], seq);
	},

	whispered(frame) {
		const [{ room }] = asked;
		if (!room.direct)
			told.notice(frame); // else it stands there already
		else if (frame.away) tell(room, frame.lines[1]);
	},

	joined: event => presence(event, ({ members }) => members.set(fold(event.name), { name: event.name })),

	left: event =>
		presence(event, room => {
			room.members.delete(fold(event.name));
			if (isMe(event.name)) room.gone = `You are not in ${room.name} any more: ${event.reason}.`;
		}),

	renamed(event) {
		const { name: old, new_name } = event;
		const direct = rooms.get(`@${fold(old)}`);
		if (isMe(old)) name = ticket.name = new_name;
		if (direct) {
			rooms.delete(direct.key);
			Object.assign(direct, { name: new_name, key: `@${fold(new_name)}` });
			rooms.set(direct.key, direct);
		}
		presence(event, room => {
			const member = room.member(old);
			room.members.delete(fold(old));
			room.members.set(fold(new_name), Object.assign(member, { name: new_name }));
		});
	},

	topic({ room, topic, by }) {
		rooms.get(room).topic = topic;
		tell(rooms.get(room), `${by} has set the topic: ${topic || "none"}`);
	},

	away({ room, name, why }) {
		rooms.get(room).member(name).away = why;
	},

	role({ room, name, role }) {
		rooms.get(room).member(name).role = role;
		if (isMe(name)) learn();
	},

	invited({ room, by }) {
		ui.alert(active, tell(active, `${by} asks you into ${room}. `, "invited", room));
	},

	error({ text }) {
		if (active) tell(active, text, "error");
	},

	// Also what a command answers.
	notice(frame) {
		const { text = frame.lines?.join("\n"), room } = frame;
		const [first] = asked;
		if (room && !frame.lines) tell(expect(room), text);
		else if (first?.quiet) first.quiet.push(frame);
		else if (!active) early.push(frame);
		else if (text) tell(first?.room ?? active, text);
	},

	found() {}
};

export function tell(room, text, kind = "notice", to) {
	const item = { kind, text, time: Date.now(), room: to };
	room.add(item);
	if (room === active) ui.heard(item);
	changed();
	return item;
}

function presence(event, change) {
	change(rooms.get(event.room));
	add(rooms.get(event.room), [event]);
}

// `live`: its number. `end`: where the reader is.
function add(room, events, live, end = room.following) {
	room.latest = live || room.latest;
	const items = events.map(({ type: kind, ...event }) => {
		const item = { ...event, kind, time: Date.parse(event.time) };
		const { time, name } = item;
		return item.seq ? item : { kind: "presence", time, once: `${kind} ${name} ${time}`, folded: [item] };
	});
	for (const item of live && room.past ? items : room.add(...items)) {
		if (!(item.seq > room.read) || isMe(item.sender)) continue;
		if (live && room === active) ui.heard(item);
		if (room.mentions.has(item.seq) || !(room.direct || mentions(name).test(item.text))) continue;
		room.mentions.add(item.seq);
		ui.alert(room, item);
	}
	const surplus = room.items.length - KEPT;
	if (surplus > 0 && room.more !== null) {
		room.keep(end ? surplus : 0, end ? Infinity : KEPT);
		room[end ? "more" : "past"] = true;
	}
	see(room);
	changed();
}

export function see(room) {
	if (room.unread && !ui.looking(room)) return (room.mark ??= room.read);
	room.read = room.latest;
	room.mentions.clear();
}
