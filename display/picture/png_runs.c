#include "display/picture/png.h"

#include <isa-l/igzip_lib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Deflate for the filtered rows of photographs: noise around 0, in which a search for matches finds
 * nothing but takes most of the time. Bytes get a Huffman code made for them, and runs of zeros the
 * two lengths below. ISA-L makes the codes. RFC 1951. */

#define SHORT_RUN 8
#define SHORT_RUN_SYMBOL 262
#define LONG_RUN 256
#define LONG_RUN_SYMBOL 284
#define LONG_RUN_MORE_BITS 5 /* of its length */
#define DISTANCE_BITS 1      /* the code of the only distance */
#define MATCH_LEN_MIN 3
#define END_OF_BLOCK 256
/* What fits into a word beside seven bits that are there already. */
#define PUT_BITS_MAX 56

/* Codes are made for so much of so much of the data, elsewhere each time, since rows may be just as
 * long ... */
#define SAMPLE_LEN 512
#define SAMPLE_EVERY_LEN 4096
#define SAMPLE_SHIFT_LEN 1447
/* ... and kept for other data if they are good for so much of it: not longer than the best by more
 * than one bit in so many. */
#define CHECK_LEN 128
#define LOSS_SHARE 16

struct code {
	uint64_t bits;
	uint32_t count;
};

/* Of a band of photographs. Codes are up to 15 bits long. */
struct png_runs {
	uint32_t literals[256];
	uint8_t literal_counts[256];
	struct code short_run, long_run, end;
	/* What tells of them: whole bytes and a rest. */
	uint8_t head[ISAL_DEF_MAX_HDR_SIZE];
	uint32_t head_len, head_rest_bits;
};

struct writer {
	uint64_t bits; /* fewer than 8 are valid between two calls */
	uint32_t count;
	uint8_t *to;
};

static uint64_t load_word(const uint8_t *from)
{
	uint64_t word;
	memcpy(&word, from, sizeof(word));
	return word;
}

/* Zeros from here on, in words: after another zero they are a run. */
static size_t zeros_len(const uint8_t *from, const uint8_t *end)
{
	const uint8_t *at = from;
	while (end - at >= SHORT_RUN && at - from < LONG_RUN && load_word(at) == 0) {
		at += SHORT_RUN;
	}
	return (size_t)(at - from);
}

/* Bytes from here on that one token stands for; 0 if they are to be written one by one. */
static size_t run_len(const uint8_t *from, const uint8_t *end)
{
	if (load_word(from) != 0 || from[-1] != 0) {
		return 0;
	}
	return zeros_len(from, end) == LONG_RUN ? LONG_RUN : SHORT_RUN;
}

/* --- codes --- */

static void count_part(const uint8_t *from, const uint8_t *end, uint32_t counts[4][256],
		struct isal_huff_histogram *histogram)
{
	while (end - from >= SHORT_RUN) {
		const size_t run = run_len(from, end);
		if (run > 0) {
			histogram->lit_len_histogram[run == LONG_RUN ? LONG_RUN_SYMBOL
								     : SHORT_RUN_SYMBOL]++;
			histogram->dist_histogram[0]++;
			from += run;
			continue;
		}
		for (int i = 0; i < SHORT_RUN; i++) {
			counts[i % 4][from[i]]++; /* four: the same byte twice does not wait */
		}
		from += SHORT_RUN;
	}
}

static struct code code_of_run(const struct isal_hufftables *tables, size_t len)
{
	/* With its extra bits, and the distance, which is 1. */
	const uint32_t run = tables->len_table[len - MATCH_LEN_MIN];
	const uint32_t distance = tables->dist_table[0];
	const uint32_t run_bits = run & 31;
	return (struct code){ run >> 5 | (uint64_t)(distance >> 5) << run_bits,
		run_bits + (distance & 31) };
}

static struct code code_of(const struct png_runs *runs, uint8_t byte)
{
	return (struct code){ runs->literals[byte], runs->literal_counts[byte] };
}

static void take_codes(struct png_runs *runs, const struct isal_hufftables *tables)
{
	for (int i = 0; i < 256; i++) {
		runs->literals[i] = tables->lit_table[i];
		runs->literal_counts[i] = tables->lit_table_sizes[i];
	}
	runs->end = (struct code){ tables->lit_table[END_OF_BLOCK],
		tables->lit_table_sizes[END_OF_BLOCK] };
	runs->short_run = code_of_run(tables, SHORT_RUN);
	runs->long_run = code_of_run(tables, LONG_RUN);
	runs->head_len = tables->deflate_hdr_count;
	runs->head_rest_bits = tables->deflate_hdr_extra_bits;
	memcpy(runs->head, tables->deflate_hdr, sizeof(runs->head));
	runs->head[0] &= 0xfe; /* the first bit says whether the block is the last */
}

/* Looks at parts of so many bytes. */
static void count_sample(const uint8_t *raw, size_t raw_len, size_t part_len,
		struct isal_huff_histogram *histogram)
{
	uint32_t counts[4][256] = { { 0 } };
	memset(histogram, 0, sizeof(*histogram));
	for (size_t start = 1, shift = 0; start < raw_len; start += SAMPLE_EVERY_LEN) {
		const size_t at = start + shift < raw_len ? start + shift : start;
		const size_t left = raw_len - at;
		shift = (shift + SAMPLE_SHIFT_LEN) % (SAMPLE_EVERY_LEN - SAMPLE_LEN);
		count_part(raw + at, raw + at + (left < part_len ? left : part_len), counts,
				histogram);
	}
	for (int i = 0; i < 256; i++) {
		histogram->lit_len_histogram[i] =
				counts[0][i] + counts[1][i] + counts[2][i] + counts[3][i];
	}
}

struct cost {
	float used, least; /* bits: with the codes, and by the entropy, which no codes go below */
	float total;       /* symbols */
};

/* So many of one symbol, which takes so many bits, more_bits of them whatever its code is. */
static void add_symbol(struct cost *cost, uint64_t times, uint32_t bits, uint32_t more_bits)
{
	const float count = (float)times;
	if (times > 0) {
		cost->used += count * (float)bits;
		cost->least += count * ((float)more_bits - log2f(count));
		cost->total += count;
	}
}

static bool are_good_for(const struct png_runs *runs, const uint8_t *raw, size_t raw_len)
{
	struct isal_huff_histogram histogram;
	struct cost cost = { 0 };
	count_sample(raw, raw_len, CHECK_LEN, &histogram);
	for (int i = 0; i < 256; i++) {
		add_symbol(&cost, histogram.lit_len_histogram[i], runs->literal_counts[i], 0);
	}
	add_symbol(&cost, histogram.lit_len_histogram[SHORT_RUN_SYMBOL], runs->short_run.count,
			DISTANCE_BITS);
	add_symbol(&cost, histogram.lit_len_histogram[LONG_RUN_SYMBOL], runs->long_run.count,
			LONG_RUN_MORE_BITS + DISTANCE_BITS);
	cost.least += cost.total > 0 ? cost.total * log2f(cost.total) : 0;
	return cost.used <= cost.least + cost.least / LOSS_SHARE;
}

/* False if ISA-L made no codes. */
static bool make_codes(struct png_runs *runs, const uint8_t *raw, size_t raw_len)
{
	struct isal_hufftables tables;
	struct isal_huff_histogram histogram;
	count_sample(raw, raw_len, SAMPLE_LEN, &histogram);
	for (int i = 0; i < 256; i++) {
		histogram.lit_len_histogram[i]++; /* each may come */
	}
	if (isal_create_hufftables(&tables, &histogram) != 0) {
		return false;
	}
	take_codes(runs, &tables);
	return true;
}

static bool have_codes(struct png_runs *runs, const uint8_t *raw, size_t raw_len)
{
	return (runs->end.count > 0 && are_good_for(runs, raw, raw_len)) ||
			make_codes(runs, raw, raw_len);
}

/* --- writing --- */

static inline struct code join(struct code first, struct code second)
{
	return (struct code){ first.bits | second.bits << first.count, first.count + second.count };
}

/* At most PUT_BITS_MAX bits; there must be room for eight bytes. */
static inline void put_code(struct writer *writer, struct code code)
{
	writer->bits |= code.bits << writer->count;
	writer->count += code.count;
	memcpy(writer->to, &writer->bits, sizeof(writer->bits));
	writer->to += writer->count / 8;
	writer->bits >>= writer->count & ~7U;
	writer->count %= 8;
}

/* Up to 60 bits. */
static inline struct code join_four(const struct png_runs *runs, const uint8_t *from)
{
	const uint32_t first = runs->literal_counts[from[0]];
	const uint32_t second = first + runs->literal_counts[from[1]];
	const uint32_t third = second + runs->literal_counts[from[2]];
	const uint64_t bits = runs->literals[from[0]] | (uint64_t)runs->literals[from[1]] << first |
			(uint64_t)runs->literals[from[2]] << second |
			(uint64_t)runs->literals[from[3]] << third;
	return (struct code){ bits, third + runs->literal_counts[from[3]] };
}

static inline void put_eight(
		struct writer *writer, const struct png_runs *runs, const uint8_t *from)
{
	const struct code left = join_four(runs, from), right = join_four(runs, from + 4);
	if (left.count + right.count <= PUT_BITS_MAX) {
		put_code(writer, join(left, right));
		return;
	}
	for (int i = 0; i < 8; i++) {
		put_code(writer, code_of(runs, from[i]));
	}
}

static void put_head(struct writer *writer, const struct png_runs *runs)
{
	for (uint32_t i = 0; i < runs->head_len; i++) {
		put_code(writer, (struct code){ runs->head[i], 8 });
	}
	put_code(writer, (struct code){ runs->head[runs->head_len], runs->head_rest_bits });
}

/* An empty block of stored bytes, which starts on a byte. */
static void put_flush(struct writer *writer)
{
	put_code(writer, (struct code){ 0, 3 });
	put_code(writer, (struct code){ 0, (8 - writer->count) % 8 });
	put_code(writer, (struct code){ 0xffff0000, 32 });
}

bool png_deflate_runs(struct png_runs **kept_runs, const uint8_t *raw, size_t raw_len,
		uint8_t *deflated, size_t size, size_t *ret_len)
{
	struct writer writer = { .to = deflated };
	const uint8_t *at = raw, *end = raw + raw_len;
	struct png_runs *runs = *kept_runs ? *kept_runs : calloc(1, sizeof(*runs));
	*kept_runs = runs;
	if (!runs || raw_len == 0 || size < PNG_RUNS_SPARE_LEN || !have_codes(runs, raw, raw_len)) {
		return false;
	}
	const uint8_t *full = deflated + size - PNG_RUNS_SPARE_LEN;
	put_head(&writer, runs);
	put_code(&writer, code_of(runs, *at++));
	while (end - at >= SHORT_RUN && writer.to < full) {
		const size_t run = run_len(at, end);
		if (run > 0) {
			put_code(&writer, run == LONG_RUN ? runs->long_run : runs->short_run);
			at += run;
			continue;
		}
		put_eight(&writer, runs, at);
		at += SHORT_RUN;
	}
	for (; at < end && writer.to < full; at++) {
		put_code(&writer, code_of(runs, *at));
	}
	put_code(&writer, runs->end);
	put_flush(&writer);
	*ret_len = (size_t)(writer.to - deflated);
	return at == end;
}
