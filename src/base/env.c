#include "base/env.h"

uint64_t env_random_u64(struct env *e)
{
	uint64_t v;

	env_random(e, mspan_of(&v, sizeof(v)));
	return v;
}
