#include "agent/cost.h"

#include <math.h>
#include <stdbool.h>

#include "agent/event.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

struct kind {
	const char *title, *usage, *price, *words;
};

/* What a token may be. Input counts those read from the cache and written to it, too. */
static const struct kind kinds[] = {
	{ "new", "input_tokens", "input", "input that was new" },
	{ "cached", "cached_tokens", "cached", "input read from the cache" },
	{ "written", "cache_write_tokens", "cache_write", "input written to the cache" },
	{ "output", "output_tokens", "output", "output, reasoning included" },
};

#define KINDS CUA_ARRAY_LEN(kinds)

struct row {
	double tokens[KINDS], reasoning, usd;
};

/* US dollars, or their price; NAN if it is not known. */
static double money_at(const cJSON *object, const char *name)
{
	const cJSON *number = cua_json_member(object, name);
	return cJSON_IsNumber(number) ? number->valuedouble : (double)NAN;
}

static void read_turn(const cJSON *turn, struct row *row)
{
	const cJSON *usage = cua_json_member(turn, "usage");
	for (size_t i = 0; i < KINDS; i++) {
		row->tokens[i] = cua_json_number(usage, kinds[i].usage);
	}
	row->tokens[0] -= row->tokens[1] + row->tokens[2];
	row->reasoning = cua_json_number(usage, "reasoning_tokens");
	row->usd = money_at(turn, "cost_usd");
}

static void print_usd(FILE *out, double usd)
{
	if (isnan(usd)) {
		fprintf(out, "  %9s\n", "-");
	} else {
		fprintf(out, "  %9.4f\n", usd);
	}
}

static void print_row(FILE *out, const struct row *row)
{
	for (size_t i = 0; i < KINDS; i++) {
		fprintf(out, "  %9.0f", row->tokens[i]);
	}
	fprintf(out, "  %9.0f", row->reasoning);
	print_usd(out, row->usd);
}

/* A long request costs more than its tokens at their prices say, so the shares are of what the
 * prices say. */
static void print_shares(FILE *out, const struct row *sum, const cJSON *prices)
{
	double usd[KINDS], all = 0;
	for (size_t i = 0; i < KINDS; i++) {
		const double price = money_at(prices, kinds[i].price);
		usd[i] = sum->tokens[i] > 0 ? sum->tokens[i] * price / 1e6 : 0;
		all += usd[i];
	}
	if (all <= 0) {
		return;
	}
	if (isnan(all)) {
		fputs("\nThe model's prices are not known; cua models says where to write them.\n",
				out);
		return;
	}
	fputs("\nOf the money went into\n", out);
	for (size_t i = 0; i < KINDS; i++) {
		if (usd[i] > 0) {
			fprintf(out, "  %-28s %5.1f %%  $%.4f\n", kinds[i].words,
					100 * usd[i] / all, usd[i]);
		}
	}
}

void agent_cost_explain(FILE *out, const cJSON *events)
{
	struct row sum = { 0 };
	const cJSON *prices = NULL, *event = NULL;
	fputs("step", out);
	for (size_t i = 0; i < KINDS; i++) {
		fprintf(out, "  %9s", kinds[i].title);
	}
	fprintf(out, "  %9s  %9s\n", "reasoning", "USD");
	cJSON_ArrayForEach (event, events) {
		if (agent_event_is(event, "run_start")) {
			prices = cua_json_member(event, "prices");
		}
		if (!agent_event_is(event, "turn") && !agent_event_is(event, "unanswered")) {
			continue;
		}
		struct row row;
		read_turn(event, &row);
		fprintf(out, "%4.0f", cua_json_number(event, "step"));
		print_row(out, &row);
		for (size_t i = 0; i < KINDS; i++) {
			sum.tokens[i] += row.tokens[i];
		}
		sum.reasoning += row.reasoning;
		sum.usd += row.usd;
	}
	fputs(" sum", out);
	print_row(out, &sum);
	print_shares(out, &sum, prices);
}
