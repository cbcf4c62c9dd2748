// Items as rows: days, groups of a sender, the line "New messages", deletions in a row as one.

const GROUP = 5 * 60_000; // ms: what somebody says within them, with nothing in between, has one head
const day = item => new Date(item.time).toDateString();

// See `sync` for `key` and `sign`. What has a number above `mark` was new when it came. `find`: a message by its number.
export function rows(items, mark, find = () => null) {
	const out = [];
	const lastOwn = items.findLast(item => item.mine && item.kind === "message");
	const fresh = items.find(item => item.seq > (mark ?? Infinity));
	let group;
	let above; // the last that has a time
	const apart = row => {
		out.push(row);
		group = null;
	};
	for (const item of items) {
		const { kind, n: key, state, sender, action } = item;
		if (kind === "deleted") {
			group = null;
			const last = out.at(-1);
			if (last?.kind === kind && item !== fresh) last.sign++;
			else {
				if (item === fresh) apart({ kind: "new", key: "new", sign: key });
				apart({ kind, key, sign: 1, item });
			}
			continue;
		}
		if (!above || day(above) !== day(item)) apart({ kind: "day", key: `day ${key}`, item });
		above = item;
		if (item === fresh) apart({ kind: "new", key: "new", sign: key });
		if (kind === "message") {
			const original = item.reply_to ? find(item.reply_to) : null;
			const head =
				action || item.reply_to > 0 || group?.action || group?.sender !== sender || item.time - group.time > GROUP;
			const isLastOwn = item === lastOwn;
			const sign = [head, isLastOwn, state, item.looks, original?.kind, original?.looks].join();
			out.push({ kind, key, sign, item, head, isLastOwn, original });
			if (head) group = item;
		} else {
			apart({ kind, key, sign: item.folded?.length, item });
		}
	}
	return out;
}
