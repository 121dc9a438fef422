/* rand.c - see rand.h */
#include "crypto/rand.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void rand_bytes(struct mspan out)
{
	while (out.len) {
		ssize_t n = getrandom(out.p, out.len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_error("random: the kernel gives no random bytes: %s",
				  strerror(errno));
			abort();
		}
		out.p += n;
		out.len -= (size_t)n;
	}
}
