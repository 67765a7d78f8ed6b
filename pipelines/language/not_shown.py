"""What `extract` takes for a sentence, and no person is shown: files, folders (with `/`) and texts."""

NOT_SHOWN = frozenset(
    {
        "competitions/titanic/sample.py",
        "pipelines/language/",
        "pipelines/new/sample.py",
        "pipelines/new/schema.py",
        "pipelines/new/text.py",
        "pipelines/pages/charts/",
        "pipelines/pages/first.py",
        "pipelines/pages/sections/",
        "pipelines/pages/words.py",
        # names, of metrics and layouts
        "balanced accuracy", "log loss", "macro F1", "quadratic kappa", "outside lower center", "RL|RM|FV|C (all)|RH",
        "cycler('color', {0})", "kept as such", "file mode", "no locks", "python -m pipelines",
        "python -m pipelines run {0}",
        # what is looked for in a cell, or in an error of another program
        "not available", "not applicable", "no data", "not recorded", "not specified", "no value", "out of memory",
        "can't allocate memory", "not enough memory", "invalid buffer size", "timed out", "what to do:",
        "what to do: {0}", "permission|not ?found|does not exist|no such competition",
        "`sklearn.utils.parallel.delayed` should be used",
        # what is written as code
        "make_model({0}, n_outputs)(torch.randn{1})", "lambda: StandardScaler()",
        "lambda n_features, n_outputs: Net(n_features, n_outputs)", "lambda: HistGradientBoostingClassifier()",
        "if code := main(JOB, PACK):", "raise SystemExit(code)", "# homework-job:", '"tuned": {0},',
        # parts of a command line, and a thread's name
        "python -m pipelines run", "--on kaggle", "--accelerator {0}", "--accelerator none", "--data sample",
        '--runs ""', "--preset {0}", "connects to a scheduler",
    }
)  # fmt: skip
