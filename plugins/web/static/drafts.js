// What was typed and not sent, by the keys of conversations. It lasts as long as the tab: two tabs have drafts of
// their own, and so has each name.

import * as chat from "./chat.js";
import { slashed } from "./sender.js";

const PLACE = "greenchat.drafts";

const drafts = new Map();
let owner = ""; // whose they are

export const kept = key => mine().get(key);

export function keep(key, text) {
	if (text) mine().set(key, text);
	else mine().delete(key);
	store();
}

// Where one has written was found to be a conversation that we had.
export function move(from, to) {
	const text = mine().get(from);
	if (!text) return;
	drafts.delete(from);
	if (!drafts.has(to)) drafts.set(to, text);
	store();
}

// After a change of one's name.
export function follow() {
	mine();
	store();
}

export function forget() {
	drafts.clear();
	store();
	owner = "";
}

function mine() {
	if (owner === chat.name) return drafts;
	// After a change of names they are still ours; those in storage are looked at once, after a reload.
	const stored = owner ? null : read();
	owner = chat.name;
	if (stored?.owner === owner) for (const [key, text] of stored.drafts) drafts.set(key, text);
	return drafts;
}

function read() {
	try {
		return JSON.parse(sessionStorage[PLACE]);
	} catch {
		return null;
	}
}

function store() {
	// A command may have a password in it; direct conversations are others after a reload.
	const lasts = ([key, text]) => key.startsWith("room ") && !text.split("\n").some(slashed);
	const harmless = [...drafts].filter(lasts);
	try {
		if (harmless[0]) sessionStorage[PLACE] = JSON.stringify({ owner, drafts: harmless });
		else delete sessionStorage[PLACE];
	} catch {} // where the browser does not let us, they last until a reload
}
