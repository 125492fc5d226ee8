#include "cua/egress/gateway_log.h"

#include "cua/base/util.h"
#include <arpa/inet.h>

#define QUIET_US 3600000000ULL

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_TCP             ? "TCP"
			: protocol == IPPROTO_UDP  ? "UDP"
			: protocol == IPPROTO_ICMP ? "ICMP"
						   : "IP";
}

static enum cua_status write_line(struct egress_gateway_log *log,
		const struct egress_destination *destination, struct cua_error *err)
{
	char address[INET_ADDRSTRLEN];
	CUA_AUTO_JSON cJSON *line = egress_decisions_line();
	inet_ntop(AF_INET, &destination->address, address, sizeof(address));
	cJSON_AddNumberToObject(line, "id", (double)++log->last_id);
	cJSON_AddStringToObject(line, "event", destination->why ? "denied" : "allowed");
	cJSON_AddStringToObject(line, "by", protocol_name(destination->protocol));
	cJSON_AddStringToObject(line, "host", address);
	cJSON_AddNumberToObject(line, "port", destination->port);
	cJSON_AddStringToObject(
			line, "rule", destination->why ? destination->why : "a public address");
	return egress_decisions_write(&log->lines, line, destination->why != NULL, err);
}

static bool is_same(const struct egress_destination *a, const struct egress_destination *b)
{
	return a->address.s_addr == b->address.s_addr && a->protocol == b->protocol &&
			a->port == b->port && (a->why == NULL) == (b->why == NULL);
}

enum cua_status egress_gateway_log(struct egress_gateway_log *log,
		const struct egress_destination *destination, uint64_t now_us,
		struct cua_error *err)
{
	/* Multiplied by a large odd number, whose upper bits all of the lower ones reach. */
	const uint64_t key = (uint64_t)destination->address.s_addr << 24 |
			(uint64_t)destination->port << 8 | destination->protocol;
	const size_t slot = (size_t)(key * 0x9e3779b97f4a7c15ULL >> 32) % CUA_ARRAY_LEN(log->known);
	const bool is_known = is_same(&log->known[slot].destination, destination) &&
			log->known[slot].seen_us + QUIET_US > now_us;
	if (is_known) {
		log->known[slot].seen_us = now_us;
		return CUA_OK;
	}
	if (destination->why && !egress_decisions_takes_refusal(&log->lines, now_us)) {
		return CUA_OK; /* it may find room when it comes again */
	}
	log->known[slot].seen_us = now_us;
	log->known[slot].destination = *destination;
	return write_line(log, destination, err);
}
