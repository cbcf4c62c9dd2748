// Being in the chat: coming in, coming back after a loss, and going. See "Coming back" in PAGE.md.

import * as talks from "./conversations.js";
import { roomCalled, rooms } from "./conversations.js";
import { learn, order } from "./requests.js";
import { chat, ui } from "./state.js";
import * as tokens from "./tokens.js";
import * as wire from "./wire.js";

// The answers to a join that are about who we are. All others are about that room alone.
const ABOUT_US =
	/^(name_|login_|password_|token_|logged_|tls_|accounts_|too_many_sessions$|try_later$|full$|timeout$|idle$|lost$)/;
const SOON = /^(full|timeout|name_taken|try_later)$/; // so one tries again
const FOR_GOOD = /^(logged_out|too_many_sessions|resumed_elsewhere)$/; // so one does not, however the connection ends
const UNREACHABLE = { text: "The server cannot be reached. Try again." };
const NOT_TOLD =
	"You are logged out here, but the server could not be told. Until you end this device on another one, it counts as logged in.";

let ticket = null; // what to come in with, again after a loss
let joining = null; // the form's promise: {resolve, reject}
let welcomed = false; // on this connection
let resumed = false; // we are who we were on the one before
const early = []; // to be told, before there is a room to show it in: [frame, how]

export function start() {
	wire.start({ opened, lost, again, received, changed: chat.changed });
	tokens.start(() => logout("You have logged out in another window."));
}

function received(frame, how) {
	chat.trouble = frame.type === "error" ? frame : {};
	ui.told(frame, how);
}

const isOpen = ({ gone }) => !gone;

// --- come ---

// Resolves once we are in. `given`: {name, login, phrase, room, key, keep}; `account` and `show`, the room, as before a
// reload. Who was here under another name is forgotten first.
export async function join(given) {
	if (chat.name && !chat.isMe(given.name)) await ui.forget();
	return enterAs({ ...given, fresh: true });
}

// Once another tab has gone on as us. An account has room for both.
export function back() {
	if (joining) return;
	if (chat.account) tokens.drop();
	return enterAs(ticket).catch(ui.out);
}

function enterAs(given) {
	return new Promise((resolve, reject) => {
		ticket = given;
		chat.trouble = {};
		joining = { resolve, reject };
		if (wire.isUp()) opened();
		else wire.open();
	});
}

async function opened() {
	const { fresh, show, key } = ticket;
	welcomed = false;
	resumed = false;
	try {
		let answer = await comeIn();
		if (fresh && ticket.room === "" && !answer.room) answer = await wire.request("join", {});
		await findRooms(new Set([answer.room, ...(answer.rooms ?? [])].filter(Boolean)));
		if (fresh) chat.active = rooms.get(show) ?? rooms.get(answer.room) ?? firstOpen() ?? talks.nowhere();
		if (key && answer.room) roomCalled(answer.room).secret ||= key;
		ticket.fresh = false;
		const waiting = joining;
		joining = null;
		chat.state = firstOpen() ? "in" : "apart";
		learn();
		waiting?.resolve();
		ui.pump(); // changed, too
	} catch (error) {
		if (error.code === "lost") return;
		if (joining || !SOON.test(error.code)) return out(error);
		chat.trouble = error;
		wire.close();
		lost();
	}
}

const firstOpen = () => [...rooms.values()].find(isOpen);

// The first request of a connection: who we are.
async function comeIn() {
	const { fresh, name, login, phrase: password, room, key, keep } = ticket;
	const where = fresh && room ? { room, key } : { room: null };
	const owner = chat.account || ticket.account;
	const proofs = fresh && login ? [] : tokens.proofs(name, owner);
	let refusal;
	for (const token of proofs) {
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
	}
	// Without the password nobody is that account; and after a reload, a guest who was in no room is asked anew.
	const isNobody = owner ? !login : room === null && fresh && !rooms.size;
	if (refusal && isNobody) throw refusal;
	if (fresh && room === "" && !login) delete where.room; // the default room
	return wire.request("join", {
		name,
		login,
		password,
		...where,
		...(keep && login && { device: tokens.deviceName() })
	});
}

// After the first welcome: where we are by now. `theirs`: the names of the rooms that the server knows us in.
async function findRooms(theirs) {
	for (const name of theirs) roomCalled(name);
	const doubtful = [...rooms.values()].filter(room => isOpen(room) && !theirs.has(room.name));
	for (const room of doubtful) {
		const why = `You are not in ${room.name} any more.`;
		if (chat.account) leftElsewhere(room, why);
		else if (resumed && !room.secret) leftOut(room, why);
		else await enterAgain(room);
	}
}

async function enterAgain(room) {
	try {
		await enterRoom(room.name, room.secret);
	} catch (error) {
		if (ABOUT_US.test(error.code)) throw error;
		leftOut(room, error.text);
	}
}

const enterRoom = (room, key) => wire.request("join", { room, key });

// What a welcome tells about us.
export function be(frame) {
	// The name of an account may be somebody else's by now. Who was a guest, and logs in, has registered it.
	if (joining && chat.account && chat.account !== frame.account) ui.wipe();
	tokens.take(frame, !resumed && (!welcomed || frame.device_token));
	const isSame = resumed || (!!chat.account && chat.account === frame.account);
	ticket.name = frame.name;
	Object.assign(chat, { name: frame.name, limits: frame.limits, account: frame.account ?? "" });
	if (tokens.stays()) ticket.login = ""; // needed no more
	if (!welcomed && !isSame) chat.stay += 1;
	if (!welcomed) talks.connectedAgain(!isSame);
	welcomed = true;
	wire.settle(chat.limits);
}

// One has come into `room`, here or in another window.
export function arrived(room) {
	if (!chat.active) chat.show(room, true);
	for (const [frame, how] of early.splice(0)) ui.told(frame, how);
	if (chat.state === "apart" && room.name) {
		chat.state = "in";
		ui.pump();
	}
	ui.remember();
}

// Is told once there is a room to show it in.
export const later = (frame, how) => early.push([frame, how]);

export function rename(name) {
	chat.name = name;
	ticket.name = name;
	tokens.rename(name);
	ui.remember();
}

// `login`: the password, or nothing any more. With `keep`, there is a token for this device.
export async function prove(login, keep) {
	Object.assign(ticket, { login, keep });
	if (login) {
		resumed = false;
		await wire.request("join", { login, room: null, ...(keep && { device: tokens.deviceName() }) });
	} else {
		chat.account = "";
		tokens.forgetDevice(true);
		tokens.take({ name: chat.name }, true);
		ui.told({ type: "levels" }); // those were the account's
	}
	await learn();
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
	const why = `You have left ${room.name}.`;
	if (!room.direct && !room.gone && chat.state === "in") {
		await wire.request("leave", { room: room.name });
		leftOut(room, why);
	}
	const others = talks.all().filter(other => other !== room);
	if (!others[0]) return leftOut(room, room.gone || why); // it stays, for the way back
	talks.remove(room);
	if (chat.active === room) chat.show(others.find(isOpen) ?? others[0], true);
	chat.changed();
}

// Out of `room`, which stays to be seen.
export function leftOut(room, why) {
	room.gone = why;
	room.members.clear();
	talks.doubtDirects();
	ui.remember();
	chat.changed();
}

// In another window, say. What one looks at stays, and what has something in it that was not said.
export function leftElsewhere(room, why) {
	leftOut(room, why);
	if (room !== chat.active && !ui.isUnsaid(room)) talks.remove(room);
}

// --- go ---

function again() {
	if (welcomed) chat.state = "lost";
}

function lost(forGood) {
	if (chat.state === "out" && !joining) return;
	const { trouble } = chat;
	const { code = "" } = trouble;
	const ends = forGood || FOR_GOOD.test(code);
	if (code === "resumed_elsewhere" && !joining) {
		tokens.lend();
		chat.state = "elsewhere";
		return ui.pump(); // what must not wait
	}
	if (ends && welcomed) tokens.drop();
	if (joining || ends) return out(trouble.text || ends ? trouble : UNREACHABLE);
	chat.state = "lost";
	wire.retry();
	ui.pump();
}

function out(error) {
	const refuse = joining?.reject ?? ui.out;
	joining = null;
	chat.state = "out";
	if (welcomed) wire.close();
	ui.pump();
	refuse(error);
}

export function quit() {
	joining = null;
	ticket = null;
	chat.state = "out";
	tokens.drop();
	wire.leave();
}

// `text`: what to say about it, where it was not asked for here.
export async function logout(text) {
	const told = [];
	if (!text && !(await ui.mayGo())) return;
	let refusal = { code: "lost" };
	if (chat.state !== "out") {
		refusal = await order(null, "logout", {}, told).then(
			() => null,
			error => error
		);
		if (chat.state === "out") return; // the server was first
	}
	const isTold = !refusal || told[0];
	if (!isTold && !text && refusal.code !== "lost") return chat.tell(chat.active, refusal.text, "error");
	quit();
	ui.out({ code: "logged_out", text: text ?? (isTold ? "You are logged out." : NOT_TOLD), here: true });
}

// Nothing of who was here stays.
export function forget() {
	chat.forget();
	early.length = 0;
}
