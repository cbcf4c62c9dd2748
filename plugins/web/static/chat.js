import * as talks from "./conversations.js";
import { roomCalled, rooms, same } from "./conversations.js";
import * as tokens from "./tokens.js";
import * as wire from "./wire.js";

// The answers to a join that are about who we are. All others are about that room alone.
const ABOUT_US =
	/^(name_|login_|password_|token_|logged_|tls_|accounts_|too_many_sessions$|try_later$|full$|timeout$|idle$|lost$)/;
const SOON = /^(full|timeout|name_taken|try_later)$/; // so one tries again
const FOR_GOOD = /^(logged_out|too_many_sessions|resumed_elsewhere)$/; // so one does not, however the connection ends
const UNREACHABLE = { text: "The server cannot be reached. Try again." };

// "in", "lost" for a while, "elsewhere": another tab goes on as us, or "apart": connected, and in no room.
export let state = "out";
export let trouble = {}; // the error that the server told last
export let name = "";
export let account = ""; // that we are logged in to
export let limits = {};
export let commands = [];
export let active = null;
export let stay = 1; // another number where we are not who we were
export { rooms };
export const { all, roomTyped, directTo, directCalled, directWith } = talks;

export let ui; // see app.js
let ticket = null; // what to come in with, again after a loss
let joining = null; // the form's promise: [resolve, reject]
let welcomed = false; // on this connection
let resumed = false; // we are who we were on the one before
const early = []; // to be told, before there is a room to show it in

export function start(given) {
	ui = given;
	wire.start({ opened, lost, again, received, changed });
	tokens.start(() => logout("You have logged out in another window."));
}

function received(frame, how) {
	trouble = frame.type === "error" ? frame : {};
	ui.told(frame, how);
	changed();
}

export const changed = () => ui.changed();
export const expect = roomCalled;
export const isMe = other => same(other, name);
export const me = () => (active.direct ? rooms.values().next().value : active)?.member(name) ?? {};

// --- come ---

// Resolves once we are in. `given`: {name, login, phrase, room, key, keep}; `account` and `show`, the room, as before a
// reload. Who was here under another name is forgotten first.
export async function join(given) {
	if (name && !isMe(given.name)) await ui.forget();
	return enterAs({ ...given, fresh: true });
}

// Once another tab has gone on as us. An account has room for both.
export function back() {
	if (joining) return;
	if (account) tokens.drop();
	return enterAs(ticket).catch(ui.out);
}

function enterAs(given) {
	return new Promise((...promise) => {
		ticket = given;
		trouble = {};
		joining = promise;
		if (wire.isUp()) opened();
		else wire.open();
	});
}

async function opened() {
	const { fresh, show, key } = ticket;
	welcomed = resumed = false;
	try {
		let answer = await comeIn();
		if (fresh && ticket.room === "" && !answer.room) answer = await wire.request("join", {});
		await findRooms(new Set([answer.room, ...(answer.rooms ?? [])].filter(Boolean)));
		if (fresh) active = rooms.get(show) ?? rooms.get(answer.room) ?? [...rooms.values()].find(isOpen) ?? talks.nowhere();
		if (key && answer.room) roomCalled(answer.room).secret ||= key;
		ticket.fresh = false;
		const done = joining?.[0];
		joining = null;
		state = [...rooms.values()].some(isOpen) ? "in" : "apart";
		learn();
		done?.();
		ui.pump(); // changed, too
	} catch (error) {
		if (error.code === "lost") return;
		if (joining || !SOON.test(error.code)) return out(error);
		trouble = error;
		wire.close();
		lost();
	}
}

const isOpen = ({ gone }) => !gone;

// The first request of a connection: who we are.
async function comeIn() {
	const { fresh, name, login, phrase: password, room, key, keep } = ticket;
	const where = fresh && room ? { room, key } : { room: null };
	const owner = account || ticket.account;
	let refusal;
	for (const token of fresh && login ? [] : tokens.proofs(name, owner))
		try {
			resumed = true;
			return await wire.request("join", { token, password, ...where });
		} catch (error) {
			resumed = false;
			if (error.code === "name_taken") throw { ...error, code: "name_gone" }; // for as long as somebody else likes
			if (error.code !== "token_invalid") throw error;
			tokens.refuse(token);
			refusal = error;
		}
	// Without the password nobody is that account; and after a reload, a guest who was in no room is asked anew.
	if (refusal && (owner ? !login : room === null && fresh && !rooms.size)) throw refusal;
	if (fresh && room === "" && !login) delete where.room; // the default room
	return wire.request("join", { name, login, password, ...where, ...(keep && login && { device: tokens.deviceName() }) });
}

// After the first welcome: see "Coming back" in PAGE.md.
async function findRooms(theirs) {
	for (const name of theirs) roomCalled(name);
	for (const room of [...rooms.values()].filter(room => isOpen(room) && !theirs.has(room.name)))
		if (account) leftElsewhere(room, `You are not in ${room.name} any more.`);
		else if (resumed && !room.secret) leftOut(room, `You are not in ${room.name} any more.`);
		else
			await enterRoom(room.name, room.secret).catch(error => {
				if (ABOUT_US.test(error.code)) throw error;
				leftOut(room, error.text);
			});
}

const enterRoom = (room, key) => wire.request("join", { room, key });

// What a welcome tells about us.
export function be(frame) {
	// The name of an account may be somebody else's by now. Who was a guest, and logs in, has registered it.
	if (joining && account && account !== frame.account) ui.wipe();
	tokens.take(frame, !resumed && (!welcomed || frame.device_token));
	name = ticket.name = frame.name;
	limits = frame.limits;
	const isSame = resumed || (!!account && account === frame.account);
	account = frame.account ?? "";
	if (tokens.stays()) ticket.login = ""; // needed no more
	if (!welcomed && !isSame) stay++;
	if (!welcomed) talks.connectedAgain(!isSame);
	welcomed = true;
	wire.settle(limits);
}

// One has come into `room`, here or in another window.
export function arrived(room) {
	if (!active) show(room, true);
	for (const [frame, how] of early.splice(0)) ui.told(frame, how);
	if (state === "apart" && room.name) {
		state = "in";
		ui.pump();
	}
	ui.remember();
}

export function rename(new_name) {
	name = ticket.name = new_name;
	tokens.rename(name);
	ui.remember();
}

// What changes how one is logged in: see "Passwords" in PAGE.md.
const PROVEN = /^(register|login|passwd|unregister)$/;

// `login`: the password, or nothing any more. With `keep`, there is a token for this device.
async function prove(login, keep) {
	Object.assign(ticket, { login, keep });
	if (login) {
		resumed = false;
		await wire.request("join", { login, room: null, ...(keep && { device: tokens.deviceName() }) });
	} else {
		account = "";
		tokens.forgetDevice(true);
		tokens.take({ name }, true);
	}
	await learn();
}

// --- go ---

// Out of `room`, which stays to be seen.
export function leftOut(room, why) {
	room.gone = why;
	room.members.clear();
	talks.doubtDirects();
	ui.remember();
	changed();
}

// In another window, say. What one looks at stays, and what has something in it that was not said.
export function leftElsewhere(room, why) {
	leftOut(room, why);
	if (room !== active && !ui.isUnsaid(room)) talks.remove(room);
}

function again() {
	if (welcomed) state = "lost";
}

function lost(forGood) {
	if (state === "out" && !joining) return;
	const { code = "" } = trouble;
	const ends = forGood || FOR_GOOD.test(code);
	if (code === "resumed_elsewhere" && !joining) {
		tokens.lend();
		state = "elsewhere";
		return ui.pump(); // what must not wait
	}
	if (ends && welcomed) tokens.drop();
	if (joining || ends) return out(trouble.text || ends ? trouble : UNREACHABLE);
	state = "lost";
	wire.retry();
	ui.pump();
}

function out(error) {
	const refuse = joining?.[1] ?? ui.out;
	joining = null;
	state = "out";
	if (welcomed) wire.close();
	ui.pump();
	refuse(error);
}

export function quit() {
	joining = null;
	state = "out";
	ticket = null;
	tokens.drop();
	wire.leave();
}

const NOT_TOLD =
	"You are logged out here, but the server could not be told. Until you end this device on another one, it counts as logged in.";

// `text`: what to say about it, where it was not asked for here.
export async function logout(text) {
	const told = [];
	if (!text && !(await ui.mayGo())) return;
	let refusal = { code: "lost" };
	if (state !== "out") {
		refusal = await order(null, "logout", {}, told).then(
			() => null,
			error => error
		);
		if (state === "out") return; // the server was first
	}
	const isTold = !refusal || told[0];
	if (!isTold && !text && refusal.code !== "lost") return tell(active, refusal.text, "error");
	quit();
	ui.out({ code: "logged_out", text: text ?? (isTold ? "You are logged out." : NOT_TOLD), here: true });
}

// Nothing of who was here stays.
export function forget() {
	talks.forget();
	state = "out";
	trouble = {};
	name = account = "";
	limits = {};
	commands = [];
	active = null;
	early.length = 0;
}

// --- rooms ---

// Come into the room that somebody calls `typed`.
export async function enter(typed, key) {
	let room = talks.roomTyped(typed);
	if (!room || room.gone) room = roomCalled((await enterRoom(typed, key)).room);
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
	if (active === room) show(others.find(isOpen) ?? others[0], true);
	changed();
}

// `instead`: the way back does not lead to what was shown before.
export function show(room, instead = false) {
	if (active) active.mark = null;
	active = room;
	ui.open(instead);
}

// --- ask ---

export const ask = (room, text, { reply_to, key } = {}) =>
	wire.request("say", { text, ...room.address, reply_to, key }, { room });

// What the command tells is shown in `room`, or put into `quiet`. Some need none.
export async function order(room, name, args, quiet) {
	await wire.request("command", { name, args, ...room?.address }, { room, quiet });
	if (args.setting === "key") room.secret = args.value; // to come back by
}

// As a menu runs it.
export const command = (room, name, { keep = tokens.stays(), ...args }) =>
	order(room, name, args)
		.then(() => PROVEN.test(name) && prove(name === "unregister" ? "" : (args.new ?? args.password), keep))
		.catch(failed(room));

export const failed = room => error => tell(room, error.text, "error");

// What a command answers, in the field that has its name.
export async function answer(name) {
	const quiet = [];
	await order(null, name, {}, quiet).catch(() => 0);
	return quiet.find(frame => frame[name])?.[name];
}

export const known = command => commands.find(({ name }) => name === command);

export async function learn() {
	({ commands } = await wire.request("commands").catch(() => ({ commands })));
	ui.learned();
}

// What was written in `written` belongs to the conversation `id`. If we had that one already, it takes over.
export function settle(written, id, name) {
	const direct = talks.directWith(id, name, written);
	if (direct !== written && written.id === null) {
		talks.merge(written, direct);
		ui.moved(written.key, direct.key);
		if (active === written) show(direct, true);
	}
	return direct;
}

// --- what is shown ---

// Until there is a room to show it in.
export const later = (...told) => early.push(told);

export function tell(room, text, kind = "notice", to) {
	const item = { kind, text, time: Date.now(), room: to };
	if (!room) return item; // we have left meanwhile
	room.add(item);
	if (room === active) ui.heard(item, room);
	changed();
	return item;
}
