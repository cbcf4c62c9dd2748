// The chat: what the server tells us, what we ask of it.

import * as talks from "./conversations.js";
import { roomCalled, rooms, same } from "./conversations.js";
import { isMention } from "./rows.js";
import { fold } from "./text.js";
import * as wire from "./wire.js";

const KEPT = 500; // items of a room. The server has the others
// The answers to a join that are about who we are. All others are about that room alone.
const ABOUT_US = /^(name_|login_|password_|logged_in|tls_|accounts_|full$|timeout$|idle$|lost$)/;
const SOON = /^(full|timeout|name_taken)$/; // so one tries again

export let state = "out"; // "in", "lost" for a while, or "apart": connected, but none of our rooms has let us in
export let trouble = ""; // what the server said last
export let name = "";
export let account = ""; // that we are logged in to
export let limits = {};
export let commands = [];
export let active = null;
export { rooms };
export const { all, roomTyped, directTo } = talks;

let ui; // see app.js
let ticket = null; // what the form was filled in with, to come back after a loss
let joining = null; // the form's promise: [resolve, reject]
let welcomed = false; // on this connection
let slash = false; // the server has commands
const early = []; // notices, before there is a room to show them in

export function start(given) {
	ui = given;
	wire.start({ opened, lost, received, changed });
}

function received(frame, how) {
	trouble = frame.type === "error" ? frame.text : "";
	const tell = told.get(frame.type) ?? notice;
	tell(frame, how);
	changed();
}

export const changed = () => ui.changed();
export const expect = roomCalled;
export const isMe = other => same(other, name);
export const me = () => (active.direct ? rooms.values().next().value : active)?.member(name) ?? {};

// --- come and go ---

// Resolves once we are in. Whoever was here under another name before is forgotten first.
export async function join(given) {
	if (name && !isMe(given.name)) await ui.forget();
	return new Promise((...promise) => {
		ticket = given;
		trouble = "";
		joining = promise;
		if (wire.isUp()) opened();
		else wire.open();
	});
}

async function enterRoom(room, key) {
	const { name, login, phrase: password } = ticket;
	return wire.request("join", { ...(room && { room }), key, ...(!welcomed && { name, login, password }) });
}

async function opened() {
	const form = joining;
	welcomed = false;
	try {
		// An empty field of the form means the default room. After that, each room is asked for by its name.
		if (form) {
			ticket.room = (await enterRoom(ticket.room, ticket.key)).room;
			active = roomCalled(ticket.room);
		}
		for (const room of [...rooms.values()].filter(({ gone, name }) => !gone && !(form && name === ticket.room)))
			await enterRoom(room.name, room.secret).catch(error => {
				if (ABOUT_US.test(error.code)) throw error;
				leftOut(room, error.text);
			});
		joining = null;
		state = "apart";
		if (welcomed) isIn();
		form?.[0]();
		ui.pump(); // changed, too
	} catch (error) {
		if (error.code === "lost") return;
		if (form || !SOON.test(error.code)) return out(error);
		trouble = error.text;
		wire.close();
		lost();
	}
}

function isIn() {
	if (state !== "apart") return;
	state = "in";
	ui.pump();
	learn();
}

function leftOut(room, why) {
	room.gone = why;
	room.members.clear();
	talks.doubtDirects();
	ui.remember();
	changed();
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
	if (welcomed) wire.close();
	refuse(error);
}

export const leave = () => ui.leave();
export const visit = room => ui.visit(room);

export function quit() {
	joining = null;
	state = "out";
	ticket = null;
	wire.leave();
}

// Nothing of who was here stays.
export function forget() {
	talks.forget();
	state = "out";
	trouble = name = account = "";
	limits = {};
	commands = [];
	slash = false;
	active = null;
	early.length = 0;
}

// Come into the room that somebody calls `typed`.
export async function enter(typed, key) {
	let room = talks.roomTyped(typed);
	if (!room || room.gone) {
		room = roomCalled((await enterRoom(typed, key)).room);
		isIn();
	}
	room.secret ||= key;
	return room;
}

export async function part(room) {
	if (!room.direct && !room.gone && state === "in") {
		await wire.request("leave", { room: room.name });
		leftOut(room, `You have left ${room.name}.`);
	}
	const others = all().filter(other => other !== room);
	if (!others[0]) return leftOut(room, room.gone || `You have left ${room.name}.`); // it stays, for the way back
	talks.remove(room);
	if (active === room) show(others.find(({ gone }) => !gone) ?? others[0], true);
	changed();
}

// `instead`: the way back does not lead to what was shown before.
export function show(room, instead = false) {
	if (active?.unread === 0) active.mark = null;
	active = room;
	ui.open(instead);
}

// --- ask ---

// What a command tells is shown in `room`, or put into `quiet`.
export async function ask(room, text, quiet) {
	const ack = await wire.request("say", { text, ...room.address }, { room, quiet });
	const [, key] = /^\/room\s+key\s+(.+)/i.exec(text) ?? [];
	if (key) room.secret = key; // to come back by
	return ack;
}

export const command = (room, line) => ask(room, line).catch(({ text }) => tell(room, text, "error"));

// For what is the same wherever it is asked.
export async function answer(text, field) {
	const quiet = [];
	const where = active.direct ? (rooms.values().next().value ?? active) : active;
	await ask(where, text, quiet).catch(() => 0);
	return quiet.find(frame => frame[field])?.[field];
}

async function learn() {
	if (slash) commands = (await answer("/help", "commands")) ?? commands;
}

// --- direct conversations ---

// What was written in `written` belongs to the conversation `id`, with who is called `name`. If we had that one
// already, it takes over.
export function settle(written, id, name) {
	const direct = talks.directWith(id, name, written);
	if (direct !== written && written.id === null) {
		talks.merge(written, direct);
		ui.moved(written.key, direct.key);
		if (active === written) show(direct, true);
	}
	return direct;
}

// --- what the server tells ---

const told = new Map(
	Object.entries({
		welcome(frame) {
			const { seq: latest, members, members_more: unnamed = 0, topic = "" } = frame;
			const [roles, away] = [frame.roles, frame.away].map(given => new Map(Object.entries(given ?? {})));
			// The name of an account may be somebody else's by now. Who was a guest, and logs in, has registered it.
			if (joining && account && account !== frame.account) ui.wipe();
			const room = roomCalled(frame.room);
			name = frame.name;
			limits = frame.limits;
			slash = !!frame.hint;
			account = frame.account ?? "";
			if (!welcomed) talks.connectedAgain(!account);
			welcomed = true;
			wire.settle(limits);
			const entry = name => [fold(name), { name, role: roles.get(name), away: away.get(name) }];
			Object.assign(room, { members: new Map(members.map(entry)), unnamed, topic, gone: "", latest });
			if (latest < room.last) {
				room.keep(
					0,
					room.items.findIndex(({ seq }) => seq > latest)
				);
				tell(room, "The server has lost what was said last.");
			}
			room.read = Math.min(room.items[0] ? room.read : latest, latest);
			if (room.items[0]) ui.catchUp(room);
			if (!active) show(room, true);
			for (const frame of early.splice(0)) notice(frame);
			ui.remember();
		},

		history({ room, events }, { answers }) {
			if (!answers && rooms.has(room) && !rooms.get(room).past) add(rooms.get(room), events);
		},

		message: event => inRoom(event, room => add(room, [event], event.seq)),

		private(event) {
			if (isMe(event.sender)) return; // to oneself: it stands there already
			said(talks.directWith(event.conversation, event.sender), event);
		},

		// What /reply has said.
		whispered(frame, how) {
			const where = how.about?.room;
			const { conversation, to, text, time, lines } = frame;
			const direct = talks.directWith(conversation, to);
			said(direct, { sender: name, text, time, mine: true });
			direct.read = direct.latest; // who answers has read it
			if (direct !== where) notice({ lines }, how);
			else if (frame.away) tell(direct, lines[1]);
		},

		ended({ conversation, reason }) {
			const direct = talks.directCalled(conversation);
			if (direct) talks.end(direct, reason);
		},

		joined: event =>
			presence(event, ({ members }) => members.set(fold(event.name), { name: event.name, role: event.role })),

		left: event =>
			presence(event, room => {
				room.forget(event.name);
				talks.doubtDirects();
				if (isMe(event.name)) leftOut(room, `You are not in ${room.name} any more: ${event.reason}.`);
			}),

		renamed(event) {
			const { name: old, new_name } = event;
			if (isMe(old)) {
				name = ticket.name = new_name;
				ui.remember();
			}
			talks.renameDirects(old, new_name);
			presence(event, room => {
				const member = room.member(old);
				room.forget(old);
				room.members.set(fold(new_name), Object.assign(member, { name: new_name }));
			});
		},

		topic: event =>
			inRoom(event, room => {
				const { topic, by } = event;
				room.topic = topic;
				tell(room, `${by} has set the topic: ${topic || "none"}`);
			}),

		away: event => inRoom(event, room => (room.member(event.name).away = event.why)),

		role: event =>
			inRoom(event, room => {
				room.member(event.name).role = event.role;
				if (isMe(event.name)) learn();
			}),

		invited({ room, by }) {
			if (active) ui.alert(active, tell(active, `${by} asks you into ${room}. `, "invited", room));
		},

		error({ text }) {
			if (active) tell(active, text, "error");
		},

		found() {}
	})
);

// Also what a command tells, and answers.
function notice(frame, { about } = {}) {
	const { text = frame.lines?.join("\n"), room } = frame;
	if (room && !frame.lines) inRoom(frame, room => tell(room, text));
	else if (about?.quiet) about.quiet.push(frame);
	else if (!active) early.push(frame);
	else if (text) tell(about?.room ?? active, text);
}

// What comes for a room that we have left is not looked at.
function inRoom(event, act) {
	const room = rooms.get(event.room);
	if (room) act(room);
}

function said(direct, { sender, text, time, action, mine }) {
	const seq = direct.latest + 1;
	add(direct, [{ type: "message", sender, text, time, action, mine, seq }], seq);
}

export function tell(room, text, kind = "notice", to) {
	const item = { kind, text, time: Date.now(), room: to };
	if (!room) return item; // we have left meanwhile
	room.add(item);
	if (room === active) ui.heard(item, room);
	changed();
	return item;
}

const presence = (event, change) =>
	inRoom(event, room => {
		change(room);
		add(room, [event]);
	});

// `live`: its number. `end`: where the reader is.
export function add(room, events, live, end = room.following) {
	room.latest = live || room.latest;
	const items = events.map(({ type: kind, ...event }) => {
		const item = { ...event, kind, time: Date.parse(event.time) };
		const { time, name } = item;
		return item.seq ? item : { kind: "presence", time, once: `${kind} ${name} ${time}`, folded: [item] };
	});
	for (const item of live && room.past ? items : room.add(...items)) {
		if (!(item.seq > room.read) || isMe(item.sender)) continue;
		const forMe = room.direct || isMention(item, room.items, name);
		if (live && (forMe || room === active)) ui.heard(item, room);
		if (room.mentions.has(item.seq) || !forMe) continue;
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
