// The WebSocket: requests and their answers, whether it is still there, and a new one after a loss.

import { Bucket } from "./bucket.js";

const SILENCE = 30_000; // ms, after which we ask for the server,
const PATIENCE = 8_000; // and after which it is not
const DOUBT = 2_000; // the same, where the browser has said that the network came or went
const FIRST_WAIT = 500; // ms before a new try; then twice as long, and so on
const LONGEST_WAIT = 30_000;
const SENT_AWAY = [1000, 1008]; // close codes
// What ends what is told for a request, if it is not refused.
const ANSWERS = { join: "welcome", history: "history", search: "found", mentions: "found", commands: "commands" };
const LOST = { code: "lost", text: "The connection was lost." };

export let retryAt = 0;
export let tries = 0; // below 0: the server is reloaded, and we are back in a moment
export let doubted = false; // we have asked whether the server is still there
export let bucket = new Bucket();
let handlers, socket, timer;
let ref = 0;
const waiting = new Map(); // what is asked, by its ref

export function start(given) {
	handlers = given;
	ononline = onoffline = doubt;
	document.onvisibilitychange = () => document.visibilityState === "visible" && check();
}

export const isUp = () => socket?.readyState === 1;

export function open() {
	close();
	bucket = new Bucket();
	// Relative to the page, so that a reverse proxy may put it anywhere.
	const mine = (socket = new WebSocket(new URL("chat", location.href.replace("http", "ws")), "greenchat.json.v1"));
	mine.onopen = handlers.opened;
	mine.onmessage = ({ data }) => mine === socket && receive(JSON.parse(data));
	mine.onclose = ({ code }) => mine === socket && (code === 1012 ? again() : end(SENT_AWAY.includes(code)));
	wait(PATIENCE, end);
}

export function close() {
	const old = socket;
	socket = null;
	retryAt = 0;
	doubted = false;
	clearTimeout(timer);
	old?.close();
	for (const { reject } of waiting.values()) reject(LOST);
	waiting.clear();
}

// Out of the chat. The server reads it before the end of the connection.
export function leave() {
	if (isUp()) send({ type: "leave" });
	close();
}

// Later each time, and not all of us at once.
export function retry() {
	const ms = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** tries++) * (0.5 + Math.random());
	retryAt = Date.now() + ms;
	wait(ms, open);
}

export function settle({ flood_burst, flood_rate }) {
	tries = 0;
	if (!bucket.rate) bucket = new Bucket(flood_burst, flood_rate);
}

// Rejects with {code, text}. Whatever is told for it comes with `about`.
export const request = (type, fields, about) =>
	new Promise((resolve, reject) => {
		if (!isUp()) return reject(LOST);
		waiting.set(++ref, { answer: ANSWERS[type] ?? "ack", resolve, reject, about });
		send({ type, ...fields, ref });
	});

function send(frame) {
	bucket.left -= frame.text?.split("\n").length ?? 1;
	socket.send(JSON.stringify(frame));
}

// After a silence, and when a phone wakes up.
function check(patience = PATIENCE) {
	if (retryAt) open();
	if (!isUp()) return;
	send({ type: "ping" });
	wait(patience, end);
}

// A network that goes does not always take the connection along, nor does one that comes bring it back.
function doubt() {
	if (!navigator.onLine && !isUp()) return;
	doubted = isUp();
	check(DOUBT);
	handlers.changed();
}

function receive(frame) {
	wait(SILENCE, check);
	if (doubted) {
		doubted = false;
		handlers.changed();
	}
	if (frame.type === "ping") return send({ ...frame, type: "pong" });
	const asked = waiting.get(frame.ref);
	const refused = asked && frame.type === "error";
	const answers = frame.type === asked?.answer;
	if (refused || answers) waiting.delete(frame.ref);
	if (refused) return asked.reject(frame);
	handlers.received(frame, { answers, about: asked?.about }); // first
	if (answers) asked.resolve(frame);
}

function wait(ms, then) {
	clearTimeout(timer);
	timer = setTimeout(then, ms);
}

function again() {
	close();
	tries = -1;
	handlers.again();
	open();
}

function end(forGood) {
	close();
	handlers.lost(forGood);
}
