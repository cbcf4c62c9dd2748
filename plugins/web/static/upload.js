// Files on their way: pasted, dropped or chosen. Each goes to where it was dropped, or nowhere.

import { $, ask, button, el, plural, sync } from "./dom.js";
import { here, sizeOf } from "./files.js";
import * as requests from "./requests.js";
import { chat } from "./state.js";

const AT_ONCE = 2; // the others wait
const TRIES = 3; // where the connection is lost
const AGAIN = 500; // ms, and then twice as long
const SHOWN = 10; // names that are asked about

let all = []; // {id, room, file, text, state, sent, tries, why, http}
let last = 0;

export const areUnderWay = () => all.some(({ state }) => state !== "failed");

const isTaken = () => !!chat.known("upload");

// Whether one may.
export function choose() {
	if (!isTaken()) return false; // the server says why
	const room = chat.active;
	const input = el("input", { type: "file", multiple: "", onchange: () => offer(room, [...input.files]) });
	input.click();
	return true;
}

// `files` are for `room`, which is in sight: that is asked once more.
async function offer(room, files) {
	if (!files[0] || !room) return;
	if (!isTaken()) return refused(room, files[0]);
	if (room.gone) return chat.tell(room, `Nothing was sent. ${room.gone}`, "error");
	const names = files
		.slice(0, SHOWN)
		.map(({ name, size }) => el("li", el("span", { dir: "auto" }, name), ` (${sizeOf(size)})`));
	if (files[SHOWN]) names.push(el("li", `and ${files.length - SHOWN} more`));
	const title = `Send ${plural(files.length, "file")} to ${room.name}?`;
	const field = ["text", "What is said with it", { required: null, dir: "auto" }];
	const given = await ask(title, [field], "Send", el("ul.names", names));
	if (!given) return;
	for (const [i, file] of files.entries())
		all.push({ id: ++last, room, file, text: i ? "" : given.text, state: "waiting", sent: 0, tries: 0 });
	pump();
}

// Why no files are taken from us is the server's to say: others may send some, or one who is logged in.
function refused(room, file) {
	const told = ({ code, text }) =>
		chat.tell(room, code === "unknown_command" ? "This server takes no files." : text, "error");
	return requests.order(room, "upload", argumentsOf(file, ""), []).catch(told);
}

function pump() {
	const free = AT_ONCE - all.filter(({ state }) => state === "sending").length;
	for (const upload of all.filter(({ state }) => state === "waiting").slice(0, free)) begin(upload);
	chat.changed();
}

const argumentsOf = ({ name, size, type }, text) => ({ name: encodeURIComponent(name), size, type, text });

async function begin(upload) {
	const { room, file, text } = upload;
	const quiet = [];
	Object.assign(upload, { state: "sending", sent: 0, why: "" });
	try {
		if (!upload.put) {
			await requests.order(room, "upload", argumentsOf(file, text), quiet);
			upload.put = quiet.find(({ type }) => type === "upload").put;
		}
		if (all.includes(upload)) send(upload);
	} catch (error) {
		fail(upload, error.text ?? "This file cannot be sent.");
	}
}

function send(upload) {
	const http = (upload.http = new XMLHttpRequest());
	http.open("PUT", here(upload.put));
	http.upload.onprogress = ({ loaded }) => {
		upload.sent = loaded;
		chat.changed();
	};
	http.onload = () => {
		if (http.status < 300) return end(upload);
		if (http.status === 403) upload.put = ""; // it has taken too long: ask for another place
		fail(upload, http.responseText.trim());
	};
	// The same place takes it once more; what was said already is not said twice.
	http.onerror = () => {
		if (++upload.tries >= TRIES) return fail(upload, "The connection was lost.");
		setTimeout(() => all.includes(upload) && send(upload), AGAIN * 2 ** upload.tries);
	};
	http.send(upload.file);
}

function fail(upload, why) {
	Object.assign(upload, { state: "failed", why });
	pump();
}

function end(upload) {
	all = all.filter(other => other !== upload);
	upload.http?.abort();
	pump();
}

function again(upload) {
	Object.assign(upload, { state: "waiting", tries: 0 });
	pump();
}

export function forget() {
	for (const { http } of all) http?.abort();
	all = [];
}

// --- what is seen ---

export function render() {
	$("attach").hidden = !isTaken() || !!chat.active?.gone;
	const rows = all.map(upload => {
		const { id: key, state, sent, file, room } = upload;
		const done = state === "sending" ? Math.floor((100 * sent) / file.size) : -1;
		return { key, sign: `${state} ${done} ${room === chat.active}`, upload };
	});
	$("uploads").hidden = !rows[0];
	sync($("uploads"), rows, look);
}

function look({ upload }) {
	const { state, sent, file, room, why } = upload;
	const where = room === chat.active ? "" : ` to ${room.name}`;
	const bar = { "max": file.size, "value": state === "sending" ? sent : 0, "aria-label": `${file.name}${where}` };
	const failed = state === "failed";
	return el(
		"li",
		el("span", el("bdi", file.name), el("small", `${sizeOf(file.size)}${where}`)),
		failed ? el("small.error", { role: "alert" }, why) : el("progress", bar),
		failed && button(() => again(upload), "Try again"),
		button(() => end(upload), failed ? "Remove" : "Cancel")
	);
}

// --- how they come ---

const has = ({ types }, kind) => [...types].includes(kind);

// What a spreadsheet copies is text, and a picture of it as well.
$("text").addEventListener("paste", event => {
	const { clipboardData: data } = event;
	if (!data.files[0] || has(data, "text/plain")) return;
	event.preventDefault();
	offer(chat.active, [...data.files]);
});

const talk = $("talk");
const over = event => {
	if (!event.dataTransfer || !has(event.dataTransfer, "Files")) return;
	event.preventDefault(); // else the browser would go there
	talk.classList.toggle("dropping", event.type === "dragover" && isTaken());
	if (event.type === "drop") offer(chat.active, [...event.dataTransfer.files]);
};
for (const type of ["dragover", "drop"]) document.addEventListener(type, over);
document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || talk.classList.remove("dropping"));
$("attach").onclick = choose;
