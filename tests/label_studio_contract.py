"""What the seam to Label Studio promises: run on the fake in the unit tests and on the real server end to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.connection.remote import Counts
from annotations.labelstudio.translation import tasks
from annotations.labelstudio.translation.tasks import TaskPayload
from mmdemo import tasks as known

TASK = known.get("sentiment")
SAMPLE = "ab" * 32
Annotate = Callable[[int, str], int]  # task there, label ("": skip) → annotation; by whoever the key belongs to


class Contract:
    """Give `client` and `annotate` as fixtures; each test makes a project of its own."""

    def test_a_project_comes_back_as_it_was_made(self, client: Client) -> None:
        config = tasks.label_config(TASK)
        project = client.create_project("contract: project", "what it is for", config)
        assert [each for each in client.projects() if each.id == project.id] == [project]
        about = (project.title, project.description, project.label_config)
        assert about == ("contract: project", "what it is for", config)
        assert client.set_label_config(project.id, tasks.MEDIA_CONFIG)
        client.set_description(project.id, "it is for this [place:0123456789abcdef]")
        (changed,) = [each for each in client.projects() if each.id == project.id]
        assert changed.label_config == tasks.MEDIA_CONFIG
        assert changed.description == "it is for this [place:0123456789abcdef]"

    def test_a_closed_server_with_a_set_clock_says_so(self, client: Client) -> None:
        assert not client.signs_up_strangers()
        there = client.clock() or datetime.min.replace(tzinfo=UTC)
        assert abs((datetime.now(UTC) - there).total_seconds()) < 5
        client.people()
        assert client.last_answer_at is not None
        assert client.last_answer_at >= there

    def test_tasks_come_back_in_order_with_their_data(self, client: Client) -> None:
        project = client.create_project("contract: tasks", "", tasks.label_config(TASK))
        assert client.tasks(project.id) == []
        captions = ["hello <b>", "🙂 שלום", "line\nline"]
        bodies = [tasks.payload(TASK, TaskPayload(SAMPLE, text, {}, "neutral", 0.4, "v1"), {}) for text in captions]
        numbers = client.import_tasks(project.id, bodies)
        remotes = client.tasks(project.id)
        assert [task.id for task in remotes] == numbers
        assert [task.data for task in remotes] == [body["data"] for body in bodies]
        assert {task.annotations for task in remotes} == {()}
        assert {p.id: p.model_version for p in client.projects()}[project.id] == "v1"
        client.set_model_version(project.id, "v1")  # once more is fine
        assert client.tasks(project.id, numbers[1:]) == remotes[1:]
        assert client.tasks(project.id, []) == []

    def test_what_a_model_said_can_be_taken_off_and_put_on(self, client: Client) -> None:
        project = client.create_project("contract: guesses", "", tasks.label_config(TASK))
        bodies = [
            tasks.payload(TASK, TaskPayload(SAMPLE, "hm", {}, label, 0.4, "v1"), {}) for label in ("neutral", None)
        ]
        first, second = client.import_tasks(project.id, bodies)

        def said() -> dict[int, list[tuple[str, str | None]]]:
            return {
                task.id: [(each.model_version, tasks.value_of(each.result, TASK)) for each in task.guesses]
                for task in client.tasks(project.id)
            }

        assert said() == {first: [("v1", "neutral")], second: []}
        (guess,) = client.tasks(project.id, [first])[0].guesses
        client.delete_guess(guess.id)
        client.delete_guess(guess.id)  # once more is fine
        expected = tasks.guess(TASK, TaskPayload(SAMPLE, "hm", {}, "positive", 0.7, "v2"))
        client.add_guesses(project.id, [{**(expected or {}), "task": second}])
        assert said() == {first: [], second: [("v2", "positive")]}

    def test_the_data_of_a_task_change_and_its_answers_stay(self, client: Client, annotate: Annotate) -> None:
        project = client.create_project("contract: data", "", tasks.label_config(TASK))
        body = tasks.payload(TASK, TaskPayload(SAMPLE, "before", {}, "neutral", 0.4, "v1"), {})
        (number,) = client.import_tasks(project.id, [body])
        annotate(number, "positive")
        (before,) = client.tasks(project.id)
        client.set_data(number, {**before.data, "text": "after"})
        (after,) = client.tasks(project.id)
        assert after.data == {**before.data, "text": "after"}
        assert (after.annotations, after.guesses) == (before.annotations, before.guesses)
        client.delete_task(number)
        client.set_data(number, before.data)  # once it is gone that is fine

    def test_what_changed_since_a_moment_is_listed_and_what_lies_there_is_counted(
        self, client: Client, annotate: Annotate
    ) -> None:
        project = client.create_project("contract: changes", "", tasks.label_config(TASK))
        assert (client.newest_change(project.id), client.changed(project.id, None)) == (None, {})
        outgoing = [TaskPayload(SAMPLE, text, {}, "neutral", 0.4, "v1") for text in ("one", "two", "three")]
        numbers = client.import_tasks(project.id, [tasks.payload(TASK, each, {}) for each in outgoing])
        first, second, third = numbers
        assert client.counts(project.id) == Counts(tasks=3, guesses=3)
        changes = client.changed(project.id, None)
        assert changes == {task.id: task.updated_at for task in client.tasks(project.id)}

        def changed() -> list[int]:
            nonlocal changes
            before, changes = changes, client.changed(project.id, max(changes.values())) or changes
            return [] if changes is before else list(changes)

        assert changed() == []
        annotate(second, "positive")
        assert changed() == [second]
        annotate(first, "")
        annotate(third, "neutral")
        assert changed() == [first, third]
        there = {task.id: task for task in client.tasks(project.id)}
        moments = {number: there[number].updated_at for number in (second, first, third)}  # oldest first
        assert client.changed(project.id, moments[second], moments[first]) == {first: moments[first]}
        assert client.changed(project.id, None, moments[second]) == {second: moments[second]}
        assert client.changed_tasks(project.id, moments[first]) == [there[third]]
        assert client.changed_tasks(project.id, None) == [there[number] for number in numbers]
        assert client.changed_tasks(project.id, moments[third]) == []
        assert client.newest_change(project.id) == max(changes.values())
        client.set_data(second, client.tasks(project.id, [second])[0].data)
        assert changed() == [second]
        assert client.counts(project.id) == Counts(tasks=3, annotations=2, skips=1, guesses=3)
        client.delete_task(third)
        assert (changed(), client.counts(project.id)) == ([], Counts(tasks=2, annotations=1, skips=1, guesses=2))
        assert {each.id: each.counts for each in client.projects()}[project.id] == client.counts(project.id)

    def test_a_config_that_answers_contradict_is_refused(self, client: Client, annotate: Annotate) -> None:
        config = tasks.label_config(TASK)
        project = client.create_project("contract: refuse", "", config)
        (number,) = client.import_tasks(project.id, [tasks.payload(TASK, TaskPayload(SAMPLE, "hm"), {})])
        other = tasks.label_config(replace(TASK, modalities=TASK.modalities[1:]))
        assert client.set_label_config(project.id, other)
        assert client.set_label_config(project.id, config)
        annotate(number, "positive")
        assert not client.set_label_config(project.id, other)
        assert client.set_label_config(project.id, config.replace('alias="positive"', 'alias="glad"'))

    def test_importing_twice_makes_two(self, client: Client) -> None:
        project = client.create_project("contract: twice", "", tasks.label_config(TASK))
        body = tasks.payload(TASK, TaskPayload(SAMPLE, "again"), {})
        assert client.import_tasks(project.id, [body]) != client.import_tasks(project.id, [body])
        assert len(client.tasks(project.id)) == 2

    def test_what_people_say_comes_back_with_their_name(self, client: Client, annotate: Annotate) -> None:
        project = client.create_project("contract: say", "", tasks.label_config(TASK))
        first, second = client.import_tasks(
            project.id, [tasks.payload(TASK, TaskPayload(SAMPLE, text), {}) for text in ("one", "two")]
        )
        said, skipped = annotate(first, "positive"), annotate(second, "")
        annotations = {task.id: task.annotations for task in client.tasks(project.id)}
        (label,), (skip,) = annotations[first], annotations[second]
        assert (label.id, label.cancelled, tasks.value_of(label.result, TASK)) == (said, False, "positive")
        assert (skip.id, skip.cancelled, tasks.value_of(skip.result, TASK)) == (skipped, True, None)
        assert "@" in client.people()[label.annotator or 0]
        assert skip.updated_at > label.updated_at
        assert label.updated_at.tzinfo is not None

    def test_files_are_found_by_their_name_until_they_are_deleted(self, client: Client) -> None:
        project = client.create_project("contract: files", "", tasks.MEDIA_CONFIG)
        names = [tasks.upload_name(SAMPLE, "12/34.webp"), tasks.upload_name(SAMPLE, "56/78.flac")]
        uploads = client.upload(project.id, dict.fromkeys(names, b"bytes"))
        assert client.uploads(project.id) == client.uploads(project.id, [each.id for each in uploads]) == uploads
        assert client.uploads(project.id, []) == []
        assert {tasks.sample_of_upload(upload.name) for upload in uploads} == {SAMPLE}
        assert sorted(upload.name[-len(names[0]) :] for upload in uploads) == sorted(names)
        assert all(upload.url == f"/data/{upload.path}" and upload.stored for upload in uploads)
        assert [client.uploaded(upload.id) for upload in uploads] == uploads
        for upload in uploads:
            client.delete_upload(upload.id, "upload/another/file.png")  # the number is not enough
        assert client.uploads(project.id) == uploads
        for upload in uploads:
            client.delete_upload(upload.id, upload.path)
            client.delete_upload(upload.id, upload.path)  # once more is fine
        assert client.uploads(project.id) == []
        assert [client.uploaded(upload.id) for upload in uploads] == [None, None]

    def test_of_these_tasks_those_that_nobody_annotated_are_deleted(self, client: Client, annotate: Annotate) -> None:
        project = client.create_project("contract: unanswered", "", tasks.label_config(TASK))
        bodies = [tasks.payload(TASK, TaskPayload(SAMPLE, f"number {number}"), {}) for number in range(5)]
        labelled, skipped, *left, other = client.import_tasks(project.id, bodies)
        for number, label in ((labelled, "positive"), (skipped, "")):
            annotate(number, label)
        client.delete_unanswered(project.id, [])
        assert len(client.tasks(project.id)) == 5
        client.delete_unanswered(project.id, [labelled, skipped, *left])
        client.delete_unanswered(project.id, left)  # once more is fine
        assert [task.id for task in client.tasks(project.id)] == [labelled, skipped, other]

    def test_a_deleted_task_is_gone(self, client: Client) -> None:
        project = client.create_project("contract: delete", "", tasks.label_config(TASK))
        (number,) = client.import_tasks(project.id, [tasks.payload(TASK, TaskPayload(SAMPLE, "go"), {})])
        client.delete_task(number)
        client.delete_task(number)  # once more is fine
        assert client.tasks(project.id) == []
