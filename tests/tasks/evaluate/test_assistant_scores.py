"""How replies are scored: ranks, shares and what counts as declining."""

import pytest

from serving.assistant import Citation
from serving.wording import do_not_know
from tasks.evaluate.assistant import Reply, scores
from tasks.evaluate.question_sets import Question


def question(*documents: str, style: str = "name", answer: str = "copies files") -> Question:
    return Question("?", "en", style, frozenset(documents), answer if documents else "")


def reply(*documents: str, text: str = "copies files") -> Reply:
    return Reply(text, [Citation(id, id, None, "a quote", 0.9) for id in documents])


def test_the_first_citation_and_the_first_five_are_looked_at() -> None:
    asked = [question("right")] * 4
    replies = [
        reply("right", "other"),
        reply("1", "2", "3", "4", "right"),
        reply("1", "2", "3", "4", "5", "right"),
        reply("1", "2"),
    ]
    result = scores(asked, replies)
    assert (result.right_first, result.right_in_five) == (0.25, 0.5)
    assert result.wrongly_declined == 0.0


def test_several_passages_of_one_document_count_as_one() -> None:
    result = scores([question("right")], [reply("1", "1", "1", "1", "1", "right")])
    assert result.right_in_five == 1.0


def test_any_of_the_acceptable_documents_is_right() -> None:
    result = scores([question("this", "that")], [reply("that")])
    assert result.right_first == 1.0


def test_a_declined_question_is_wrong_where_it_can_be_answered_and_right_where_not() -> None:
    asked = [question("right"), question("right")] + [question(style="unanswerable")] * 4
    declined = reply(text=do_not_know(chinese=True))
    result = scores(asked, [declined, reply("right"), declined, declined, declined, reply("x")])
    assert result.questions == 6
    assert result.wrongly_declined == 0.5
    assert result.rightly_declined == 0.75
    assert result.right_first == 0.5  # the unanswerable do not count here


def test_small_talk_without_a_citation_is_not_declining() -> None:
    result = scores([question(style="unanswerable")], [reply(text="Nice weather, is it not?")])
    assert result.rightly_declined == 0.0


def test_token_overlap_is_the_mean_over_questions_with_an_expected_answer() -> None:
    asked = [question("d"), question("d", answer="moves files"), question("d", answer="")]
    result = scores(asked, [reply("d"), reply("d"), reply("d")])
    assert result.token_f1 == pytest.approx((1 + 0.5) / 2)
    assert result.token_recall == pytest.approx((1 + 0.5) / 2)


def test_what_was_not_asked_has_no_score() -> None:
    nothing = scores([], [])
    assert nothing.questions == 0
    assert nothing.model_dump(exclude_none=True) == {"questions": 0}
    only_unanswerable = scores([question(style="unanswerable")], [reply()])
    assert only_unanswerable.right_first is None
    assert only_unanswerable.rightly_declined == 0.0
