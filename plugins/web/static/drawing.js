// When the page is drawn: at most once a frame; and for what the server tells never so often that keys have to wait for it.

const LONGEST_REST = 500; // ms, however long it takes
const FRAME = 16; // ms: a shorter rest is none
const SLOW = 50; // ms for a picture, that somebody who types would feel

let draw;
let frame = 0;
let timer = 0;
let isPatient = false;
let restsUntil = 0;
let took = 0; // ms, the last picture

export const isSlow = () => took > SLOW;

export function start(given) {
	draw = given;
}

// What is changed by `work` may wait, as what the server tells; what the reader does is seen in the next frame.
export function patiently(work) {
	isPatient = true;
	try {
		work();
	} finally {
		isPatient = false;
	}
}

// Something is to be drawn; several changes are drawn as one.
export function changed() {
	if (frame) return;
	const rest = isPatient ? restsUntil - performance.now() : 0;
	if (rest < FRAME) next();
	else timer ||= setTimeout(next, rest);
}

function next() {
	clearTimeout(timer);
	timer = 0;
	frame ||= requestAnimationFrame(show);
}

// The time that this takes, with layout and painting, is then left to all else: the browser paints what is drawn in a frame
// before it tells of a message that was sent meanwhile.
function show() {
	frame = 0;
	const begun = performance.now();
	const painted = new MessageChannel();
	painted.port1.onmessage = () => {
		const now = performance.now();
		took = now - begun;
		restsUntil = now + Math.min(took, LONGEST_REST);
		painted.port1.close();
	};
	painted.port2.postMessage("");
	draw();
}
