"""Emoji by the names that one types between colons: those that the page has, so that both take the same."""

import re

# What a reaction mostly is.
USUAL = ("👍", "❤️", "😂", "🎉", "🙏", "👀", "✅", "🤔", "😮", "😢", "🚀", "👎")

_TABLE = """\
+1 👍 -1 👎 100 💯 angry 😠 beer 🍺 birthday 🎂 blush 😊 broken_heart 💔 bug 🐛 bulb 💡 cake 🍰 cat 🐱 check ✅ clap 👏
coffee ☕ confused 😕 cry 😢 dog 🐶 eyes 👀 facepalm 🤦 fire 🔥 ghost 👻 gift 🎁 grin 😁 heart ❤️ heart_eyes 😍
hug 🤗 joy 😂 key 🔑 laughing 😆 lock 🔒 memo 📝 muscle 💪 ok 👌 party 🥳 pizza 🍕 poop 💩 pray 🙏 rage 😡 rainbow 🌈
raised_hands 🙌 rocket 🚀 rofl 🤣 rose 🌹 scream 😱 shrug 🤷 smile 😄 sob 😭 sparkles ✨ star ⭐ sun ☀️
sunglasses 😎 sweat_smile 😅 tada 🎉 tea 🍵 thinking 🤔 thumbsdown 👎 thumbsup 👍 trophy 🏆 upside_down 🙃
warning ⚠️ wave 👋 wine 🍷 wink 😉 zap ⚡"""

_WORDS = _TABLE.split()
EMOJI = dict(zip(_WORDS[::2], _WORDS[1::2], strict=True))

_OF = {sign: name for name, sign in EMOJI.items()}

# What one types behind /react: the number of a message, if at all, and a name.
_REACT = re.compile(r"(/react\s+(?:#*[1-9][0-9]*\s+)?):?([+-]?\w+):?\s*", re.IGNORECASE)

_NAMED = re.compile(r"(?<!\S):([+-]?\w+):\Z")

# The longest name with its colons, and more: so much is looked at behind what was typed.
_LONGEST = 40


def named(before: str) -> tuple[int, str]:
    """Where a whole name begins that stands right before the cursor, and its emoji; none (empty) in code."""
    match = _NAMED.search(before[-_LONGEST:])
    emoji = EMOJI.get(match[1], "") if match is not None and "`" not in before else ""
    return (len(before) - len(match[0]), emoji) if match is not None and emoji else (len(before), "")


def name_of(sign: str) -> str:
    """What one types for it; empty where it has no name."""
    return _OF.get(sign, "")


def with_sign(line: str) -> str:
    """`/react NAME` with the emoji that is called so; any other `line` as it is."""
    match = _REACT.fullmatch(line)
    sign = EMOJI.get(match[2].lower()) if match is not None else None
    return f"{match[1]}{sign}" if match is not None and sign is not None else line
