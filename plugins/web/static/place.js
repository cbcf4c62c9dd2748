// Where one is, for the browser: see PAGE.md.

import { chat } from "./state.js";
import * as talks from "./conversations.js";

export const here = () => history.state ?? {};

// "?room=#dev" is a room called dev, though to a browser the address ends before the "#".
export const link = () => new URLSearchParams(location.search + location.hash);

// The address of this page that leads to what `params` say.
export const linkTo = params => new URL(`?${new URLSearchParams(params)}`, location.href.replace(/#.*/, "")).href;

// What is shown is one step further, or stands `instead` of what was shown before.
export function remember(further = false) {
	const { active, name } = chat;
	const open = [...talks.rooms.values()].filter(({ gone }) => !gone).map(({ name }) => name);
	const room = active.direct || active.gone ? open[0] : active.name;
	const rooms = chat.account ? [] : open; // the server knows those of an account
	const { depth = 0, key } = here();
	const push = further && key && key !== active.key;
	// To browsers, a new address means that the password was right.
	const address = active.direct ? null : active.name ? `?room=${encodeURIComponent(active.name)}` : location.pathname;
	const state = { name, rooms, room, key: active.key, depth: depth + push };
	if (push) history.pushState(state, "", address);
	else history.replaceState(state, "", address);
}

// A reload does not come back by itself any more.
export const away = () => history.replaceState({ depth: here().depth ?? 0 }, "");

onpopstate = ({ state }) => {
	if (chat.state === "out" || !chat.active) return;
	const room = talks.all().find(({ key }) => key === state?.key);
	if (room) chat.show(room, true);
	else remember(); // one has left it
};

// All of ours before this one are gone back over; those that lie ahead are taken away by a new entry.
export async function forget() {
	const { depth = 0 } = here();
	if (depth) {
		const there = new Promise(resolve => addEventListener("popstate", resolve, { once: true }));
		history.go(-depth);
		await there;
	}
	history.replaceState(null, "", location.pathname);
	history.pushState(null, "", location.pathname);
}
