#include "base/list.h"
#include "base/span.h"
#include "test.h"

struct item {
	struct list_node node;
	int value;
};

static int digits(struct list_node *head)
{
	int all = 0;

	list_for_each (n, head)
		all = all * 10 + container_of(n, struct item, node)->value;
	return all;
}

TEST(list_keeps_order)
{
	struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
	struct list_node head;

	list_init(&head);
	CHECK(list_empty(&head));
	list_add_tail(&head, &b.node);
	list_add_tail(&head, &c.node);
	list_add_head(&head, &a.node);
	CHECK_EQ(digits(&head), 123);
	list_del(&b.node);
	CHECK(!list_linked(&b.node));
	CHECK_EQ(digits(&head), 13);
	CHECK(list_pop(&head) == &a.node);
	CHECK(list_pop(&head) == &c.node);
	CHECK(!list_pop(&head));
}

TEST(list_del_of_the_unlinked_is_harmless)
{
	struct item zeroed = {0}, inited;

	list_init(&inited.node);
	CHECK(!list_linked(&zeroed.node));
	CHECK(!list_linked(&inited.node));
	list_del(&zeroed.node);
	list_del(&inited.node);
	list_del(&inited.node);
}

TEST(list_splice_moves_all)
{
	struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
	struct list_node to, from;

	list_init(&to);
	list_init(&from);
	list_splice_tail(&to, &from);
	CHECK(list_empty(&to));
	list_add_tail(&to, &a.node);
	list_add_tail(&from, &b.node);
	list_add_tail(&from, &c.node);
	list_splice_tail(&to, &from);
	CHECK_EQ(digits(&to), 123);
	CHECK(list_empty(&from));
}

TEST(span_from_and_head_stay_inside)
{
	struct span s = BYTES(1, 2, 3);

	CHECK_SPAN(span_from(s, 1), BYTES(2, 3));
	CHECK_EQ(span_from(s, 3).len, 0);
	CHECK_EQ(span_from(s, SIZE_MAX).len, 0);
	CHECK_SPAN(span_head(s, 2), BYTES(1, 2));
	CHECK_SPAN(span_head(s, 9), s);
	CHECK_EQ(span_from(span_of(NULL, 0), 5).len, 0);
	CHECK(span_eq(span_of(NULL, 0), span_from(s, 3)));
	CHECK(!span_eq(s, span_head(s, 2)));
}

TEST_MAIN()
