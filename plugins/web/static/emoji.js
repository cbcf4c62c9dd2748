// Emoji by the names that one types between colons: those that people use.

export const USUAL = ["👍", "❤️", "😂", "🎉", "🙏", "👀", "✅", "🤔", "😮", "😢", "🚀", "👎"]; // for reactions

const TABLE = `+1 👍 -1 👎 100 💯 angry 😠 beer 🍺 birthday 🎂 blush 😊 broken_heart 💔 bug 🐛 bulb 💡 cake 🍰 cat 🐱 check ✅ clap 👏
coffee ☕ confused 😕 cry 😢 dog 🐶 eyes 👀 facepalm 🤦 fire 🔥 ghost 👻 gift 🎁 grin 😁 heart ❤️ heart_eyes 😍
hug 🤗 joy 😂 key 🔑 laughing 😆 lock 🔒 memo 📝 muscle 💪 ok 👌 party 🥳 pizza 🍕 poop 💩 pray 🙏 rage 😡 rainbow 🌈
raised_hands 🙌 rocket 🚀 rofl 🤣 rose 🌹 scream 😱 shrug 🤷 smile 😄 sob 😭 sparkles ✨ star ⭐ sun ☀️
sunglasses 😎 sweat_smile 😅 tada 🎉 tea 🍵 thinking 🤔 thumbsdown 👎 thumbsup 👍 trophy 🏆 upside_down 🙃
warning ⚠️ wave 👋 wine 🍷 wink 😉 zap ⚡`;

export const EMOJI = [...TABLE.matchAll(/(\S+) (\S+)/g)].map(([, name, value]) => ({ name, value }));

// What stands before the cursor and ends with a whole name: from where, and which one. In code it is none.
export function named(before) {
	const [whole, name] = /(?<!\S):([+-]?\w+):$/.exec(before.slice(-40)) ?? [];
	const { value } = EMOJI.find(emoji => emoji.name === name) ?? {};
	return value && !before.includes("`") ? { from: before.length - whole.length, value } : null;
}
