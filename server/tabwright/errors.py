"""What can go wrong with a user's set-up, as sentences that say what to do.

    TabwrightError                  shown to the user once, as it is
    ├── ManifestError               a models/*.toml that cannot be used
    ├── LanguageFileError           a grammars/*/ folder that cannot be used
    ├── WeightsError                weights that cannot be had
    │   ├── WeightsMissing          not on this machine yet
    │   ├── WeightsDamaged          there, but truncated or of another hash
    │   └── WeightsUnavailable      the source cannot be reached or does not have them
    ├── ModelError                  the model process cannot answer
    │   ├── ModelLoadFailed         llama.cpp refuses the file
    │   ├── ModelCrashed            the process ended during a request
    │   ├── ModelNotLoaded          it was freed or the process is a new one: load it again
    │   ├── PromptTooLong           the prompt and its answer do not fit the context
    │   ├── ModelHung               the process fell silent and was ended
    │   └── ModelGaveUp             it crashed too often; only a restart by hand helps
    ├── SpecializationError         a model cannot be made for a language or a workspace
    │   ├── TrainerMissing          the packages that train are not installed
    │   ├── TrainingFailed          it crashed, or ran out of memory, disk or patience
    │   └── TrainingInterrupted     the user stopped it; it can go on later
    └── CommandError                a command line argument that makes no sense

Normal absence ("nothing to suggest here") is a value, see `completion.suggestion`, never one of
these. Anything else that is raised is a bug and is logged with its traceback.
"""


class TabwrightError(Exception):
    """The base of every error whose message is one clear sentence for the user."""


class ManifestError(TabwrightError):
    """A model manifest is missing, malformed or contradicts itself."""


class LanguageFileError(TabwrightError):
    """A language folder is missing a file, malformed, or its parser cannot be loaded."""


class WeightsError(TabwrightError):
    """The base of everything that is wrong with weight files."""


class WeightsMissing(WeightsError):
    """The weights are not on this machine; the message names the command that fetches them."""


class WeightsDamaged(WeightsError):
    """A weight file is there but is truncated, has another hash, or is no GGUF file."""


class WeightsUnavailable(WeightsError):
    """The source of the weights cannot be reached, refuses, or does not have them."""


class ModelError(TabwrightError):
    """The base of everything that stops the model process from answering."""


class ModelLoadFailed(ModelError):
    """llama.cpp cannot load the file: damaged, unsupported, or too large for this machine."""


class ModelCrashed(ModelError):
    """The model process ended while a request was waiting; it is started again."""


class ModelNotLoaded(ModelError):
    """The process no longer has the model: it was idle, or the process started anew."""


class PromptTooLong(ModelError):
    """The prompt and the room for its answer do not fit the model's context."""


class ModelHung(ModelError):
    """The model process fell silent while a request was waiting; it was ended."""


class ModelGaveUp(ModelError):
    """The model process crashed too often in a row and is not started again by itself."""


class SpecializationError(TabwrightError):
    """The base of everything that stops a model from being made; what is installed stays."""


class TrainerMissing(SpecializationError):
    """The packages that train are not installed; the message names the command that does."""


class TrainingFailed(SpecializationError):
    """The training process crashed, fell silent, or ran out of memory or disk."""


class TrainingInterrupted(SpecializationError):
    """The user stopped it; the message says how to go on where there is a checkpoint."""


class CommandError(TabwrightError):
    """An argument on the command line that cannot be used."""


class CorpusError(TabwrightError):
    """A corpus cannot be built: its manifest, a package, its source, or the disk is at fault."""
