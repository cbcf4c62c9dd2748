// Files that come with a message: pictures in its place, others as cards.

import { el, icon } from "./dom.js";

// px: what a picture takes of the log at most. How large it is, is known before it is there: nothing moves when it comes.
const WIDEST = 420;
const HIGHEST = 320;
// As a path on a square of 20.
const SHEET = "M5 2h7l4 4v12H5zM12 2v4h4";

const UNITS = ["bytes", "kB", "MB"];

export function sizeOf(bytes) {
	const step = bytes < 1000 ? 0 : bytes < 999_500 ? 1 : 2;
	const size = bytes / 1000 ** step;
	return `${step > 1 ? size.toFixed(1) : Math.max(1, Math.round(size))} ${UNITS[step]}`;
}

// The server may be known to itself by another name than the one by which this page has come.
export function here(url) {
	const { pathname, search } = new URL(url, location.href);
	return pathname + search;
}

// Whether an address does not hold any more.
export const isOld = url => parseInt(new URL(url).searchParams.get("until"), 16) * 1000 < Date.now();

// What is said beside files: nothing, where it is the name of the file alone.
export const beside = ({ text, files }) => (files?.[0].name === text ? "" : text);

export const shown = files => files && el("ul.files", files.map(look));

function look(file) {
	const { name, url, width } = file;
	if (!url) return el("li", el("span.card", ...card(file))); // nobody serves it at the moment
	const link = { href: here(url), target: "_blank", rel: "noopener noreferrer", title: name };
	return el(
		"li",
		width ? el("a.picture", link, picture(file)) : el("a.card", { ...link, download: name }, ...card(file))
	);
}

function picture({ name, url, thumb, width, height }) {
	const scale = Math.min(1, WIDEST / width, HIGHEST / height);
	const [w, h] = [width, height].map(length => Math.max(1, Math.round(length * scale)));
	return el("img", { src: here(thumb || url), alt: name, width: w, height: h, loading: "lazy", decoding: "async" });
}

const card = ({ name, type, size }) => [
	icon(SHEET),
	el("span", el("bdi", name), el("small", `${sizeOf(size)}, ${type}`))
];
