"""A few made-up rows of some tasks, in the hub's form, for trials without data."""

from experiments.studies.jrft.grue.examples import Row

_ANSWERS = ("the baker", "the smith", "a sailor", "the miller", "a weaver", "the potter")
_CONCEPTS = ("dog run park", "girl read book", "man ride bike", "cat sit mat", "boy throw ball")
_SENTENCES = (
    "A dog runs in the park.",
    "The girl reads a book.",
    "A man rides a bike.",
    "The cat sits on the mat.",
    "A boy throws a ball.",
)
_GERMAN = ("Guten Morgen.", "Wie geht es dir?", "Das ist ein Haus.", "Ich lese ein Buch.")
_ENGLISH = ("Good morning.", "How are you?", "That is a house.", "I am reading a book.")
_DIALOG = ("Hello.", "Hello, how are you?", "I am fine, thanks.", "Shall we eat?", "Yes, gladly.")
_REVIEWS = ("a great film", "a bad film", "great acting", "bad acting", "so great", "so bad")

SAMPLES: dict[str, list[Row]] = {
    "narrativeqa": [
        {
            "question": {"text": "Who opened the door?"},
            "document": {"summary": {"text": f"It was dark, and {answer} opened the door."}},
            "answers": [{"text": answer}],
        }
        for answer in _ANSWERS
    ],
    "commongen": [
        {"concepts": concepts.split(), "target": sentence}
        for concepts, sentence in zip(_CONCEPTS, _SENTENCES, strict=True)
    ],
    "iwslt2017": [
        {"translation": {"en": english, "de": german}}
        for english, german in zip(_ENGLISH, _GERMAN, strict=True)
    ],
    "dailydialog": [{"dialog": list(_DIALOG)}],
    "imdb": [{"text": text, "label": int("great" in text)} for text in _REVIEWS * 2],
}
"""By the names of the tasks."""
