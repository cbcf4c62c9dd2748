// What one comes back by unasked: see PAGE.md. No token is ever shown, told, or part of an address.

import { kept, keptInTab } from "./storage.js";
import { fold } from "./text.js";

const BASE = new URL(".", location).pathname; // two chats on one host know nothing of each other
const DEVICE = `device ${BASE}`;
const TAB = `tab ${BASE}`;
const PATIENCE = 300; // ms, for the other tabs to answer,
const RENEWAL = 9_000; // and to have logged in again

let tab = {}; // {token, name, account, stays}: `stays` is the login that the device token is of by which we are here
let lent = false; // another tab goes on as us
let leaving = false; // the page goes
let claimed; // resolves what we have asked the other tabs
const tabs = new BroadcastChannel(TAB);

// {token, account, stays}, or nothing of it.
export const device = () => kept(DEVICE);
export const stays = () => !!tab.stays && tab.stays === device().stays;

// What this tab had before a reload, or nothing of it.
export async function claim() {
	const { gone, ...found } = keptInTab(TAB);
	store();
	if (found.token && (gone || !(await isHeld(found.token)))) tab = found;
	store();
	return tab;
}

// With what to come in as `name`, the best first.
export function proofs(name, account) {
	const { token, account: owner } = device();
	const mine = tab.token && fold(tab.name) === fold(name);
	return [mine && tab.token, token && fold(owner) === fold(account || name) && token].filter(Boolean);
}

// What the server has told: who we are, and how we come back. `anew`: not as who we were before.
export function take({ name, account = "", token = tab.token, device_token }, anew) {
	lent = false;
	const { stays = device_token && Math.random() } = anew ? {} : device_token ? device() : tab;
	tab = { token, name, account, stays };
	if (device_token) kept(DEVICE, { token: device_token, account, stays });
	store();
}

export function rename(name) {
	tab.name = name;
	store();
}

// The server takes it no more.
export function refuse(token) {
	if (token === tab.token) drop();
	if (token === device().token) kept(DEVICE, null);
}

// Another tab goes on by it. Only by hand do we take it back.
export function lend() {
	lent = true;
	store();
}

export function drop() {
	delete tab.token;
	store();
}

export function forget() {
	tab = {};
	store();
}

// `here`: other tabs go, too. Else one may be about to have a new one.
export function forgetDevice(here) {
	const { account, stays } = device();
	if (!account || fold(account) !== fold(tab.account ?? "")) return;
	setTimeout(() => stays === device().stays && kept(DEVICE, null), here ? 0 : RENEWAL);
	if (here) tabs.postMessage({ out: account });
}

// `out`: what to do when one has logged out in another tab.
export function start(out) {
	tabs.onmessage = ({ data }) => {
		if (data.asks && data.asks === tab.token) tabs.postMessage({ has: data.asks });
		if (data.has) claimed?.(data.has);
		if (data.out && data.out === tab.account && tab.stays) out();
	};
}

function isHeld(token) {
	return new Promise(resolve => {
		claimed = has => has === token && resolve(true);
		tabs.postMessage({ asks: token });
		setTimeout(resolve, PATIENCE, false);
	});
}

function store() {
	const goes = tab.token && !lent && (leaving || document.hidden);
	keptInTab(TAB, goes ? { ...tab, gone: leaving } : null);
}

// "Firefox on Linux", by which one knows one's devices again.
const BROWSERS = [
	[/Edg/, "Edge"],
	[/OPR\//, "Opera"],
	[/SamsungBrowser/, "Samsung Internet"],
	[/Firefox|FxiOS/, "Firefox"],
	[/Chrom|CriOS/, "Chrome"],
	[/Safari/, "Safari"]
];
const SYSTEM = /Android|iPhone|iPad|Windows|CrOS|Mac|Linux(?!.*Android)/;

export function deviceName({ userAgent } = navigator) {
	const [, browser] = BROWSERS.find(([sign]) => sign.test(userAgent)) ?? ["", "Browser"];
	const [system] = SYSTEM.exec(userAgent) ?? [];
	return system ? `${browser} on ${system === "CrOS" ? "ChromeOS" : system}` : browser;
}

addEventListener("pagehide", () => {
	leaving = true;
	store();
});
addEventListener("pageshow", ({ persisted }) => {
	leaving = false;
	if (persisted) store();
});
document.addEventListener("visibilitychange", store);
