#include "cua/contract/invisible.h"

#include <stddef.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

#define ZERO_WIDTH_NON_JOINER 0x200Cu
#define ZERO_WIDTH_JOINER 0x200Du
#define TEXT_SELECTOR 0xFE0Eu
#define EMOJI_SELECTOR 0xFE0Fu
#define KEYCAP 0x20E3u

struct range {
	uint32_t first, last;
};

/* Default_Ignorable_Code_Point, with separators of lines, marks of annotations, fillers and a note
 * head that are blank as well. */
static const struct range invisible[] = { { 0xAD, 0xAD }, { 0x34F, 0x34F }, { 0x61C, 0x61C },
	{ 0x115F, 0x1160 }, { 0x17B4, 0x17B5 }, { 0x180B, 0x180F }, { 0x200B, 0x200F },
	{ 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0x3164, 0x3164 }, { 0xFE00, 0xFE0F },
	{ 0xFEFF, 0xFEFF }, { 0xFFA0, 0xFFA0 }, { 0xFFF0, 0xFFFB }, { 0x16FE4, 0x16FE4 },
	{ 0x1BCA0, 0x1BCA3 }, { 0x1D159, 0x1D159 }, { 0x1D173, 0x1D17A }, { 0xE0000, 0xE0FFF } };

/* What has a form as an emoji, and the plane of symbols, in which they all are. */
static const struct range emoji[] = { { 0xA9, 0xA9 }, { 0xAE, 0xAE }, { 0x203C, 0x203C },
	{ 0x2049, 0x2049 }, { 0x2122, 0x2122 }, { 0x2139, 0x2139 }, { 0x2194, 0x21AA },
	{ 0x231A, 0x23FF }, { 0x24C2, 0x24C2 }, { 0x25AA, 0x25FE }, { 0x2600, 0x27BF },
	{ 0x2934, 0x2935 }, { 0x2B05, 0x2B55 }, { 0x3030, 0x3030 }, { 0x303D, 0x303D },
	{ 0x3297, 0x3297 }, { 0x3299, 0x3299 }, { 0x1F000, 0x1FAFF } };

/* Arabic with its neighbours, the scripts of India and those like them. */
static const struct range joining[] = { { 0x620, 0x65F }, { 0x66E, 0x6D3 }, { 0x6FA, 0x74F },
	{ 0x750, 0x77F }, { 0x7CA, 0x7EA }, { 0x840, 0x85B }, { 0x8A0, 0x8C9 }, { 0x900, 0xDFF },
	{ 0x1000, 0x109F }, { 0x1780, 0x17B3 }, { 0x17B6, 0x17D3 }, { 0x1820, 0x18AA } };
static const struct range mongolian[] = { { 0x1820, 0x18AA } };

static bool is_in(const struct range *ranges, size_t count, uint32_t code)
{
	for (size_t i = 0; i < count && code >= ranges[i].first; i++) {
		if (code <= ranges[i].last) {
			return true;
		}
	}
	return false;
}

#define IS_IN(ranges, code) is_in((ranges), CUA_ARRAY_LEN(ranges), (code))

static bool ends_emoji(uint32_t code)
{
	return code == EMOJI_SELECTOR || IS_IN(emoji, code);
}

static bool is_keycap(uint32_t before, uint32_t next)
{
	return next == KEYCAP &&
			((before >= '0' && before <= '9') || before == '#' || before == '*');
}

/* Does it change what is seen, where it stands? */
static bool shows(uint32_t code, uint32_t before, uint32_t next)
{
	switch (code) {
	case TEXT_SELECTOR:
		return IS_IN(emoji, before);
	case EMOJI_SELECTOR:
		return IS_IN(emoji, before) || is_keycap(before, next);
	case ZERO_WIDTH_JOINER:
		return (ends_emoji(before) && IS_IN(emoji, next)) ||
				(IS_IN(joining, before) && IS_IN(joining, next));
	case ZERO_WIDTH_NON_JOINER:
		return IS_IN(joining, before) && IS_IN(joining, next);
	case 0x180B: /* selectors of a letter's form, and what parts a vowel from it */
	case 0x180C:
	case 0x180D:
	case 0x180E:
	case 0x180F:
		return IS_IN(mongolian, before);
	default:
		return false;
	}
}

bool cua_is_invisible(uint32_t code, uint32_t before, const char *at, const char *end)
{
	if (code == CUA_BRAILLE_BLANK) {
		return true;
	}
	if (!IS_IN(invisible, code)) {
		return false;
	}
	const uint32_t next = at < end ? cua_utf8_next(&at, end) : 0;
	return !shows(code, before, next);
}
