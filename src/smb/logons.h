/*
 * logons.h - logons under way, by where they come from: how many there may be, and when the answer to a failed one may go.
 *
 * Only failures wait: a right password is answered at once, whatever others guessed before. The failures of one account
 * from one address form a queue, one each delay, however many connections they come on.
 *
 * Owns     tables of fixed size, about 300 KiB; strangers cannot make them grow. Addresses are counted in a sketch of two
 *          rows, so that two that share a counter hardly ever share the other, too.
 * Threads  any; a lock of its own (rank LEAF).
 */
#pragma once

#include "base/span.h"

enum {
	LOGONS_MAX = 4096,        /* under way at a time, on all connections	*/
	LOGONS_ADDRESS_MAX = 256, /* from one address				*/
};

struct logons;
/* NULL without memory. hash_key: secret, borrowed. */
struct logons *logons_new(const uint8_t hash_key[16]);
void logons_free(struct logons *l); /* NULL is fine */

/*
 * What stands for a peer's address: "192.0.2.1:50123" without the port, "[2001:db8::1]:445" without the lower 64 bits, which
 * every customer has to himself. Anything else as it is, without what follows the last colon.
 */
uint64_t logons_address(const struct logons *l, const char *peer);

/* May one more begin? */
bool logons_may_begin(struct logons *l, uint64_t address);
void logons_began(struct logons *l, uint64_t address);
void logons_ended(struct logons *l, uint64_t address);

/*
 * A logon failed: when may its answer go, on the clock of now_ns? At least delay_ns from now, and from the answer of the
 * failure before. Upper and lower case of the account are one, and name@domain counts for name.
 */
uint64_t logons_failed(struct logons *l, uint64_t address, const char *account,
		       uint64_t now_ns, uint64_t delay_ns);
