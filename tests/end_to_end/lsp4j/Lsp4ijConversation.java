import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.eclipse.lsp4j.ClientCapabilities;
import org.eclipse.lsp4j.ClientInfo;
import org.eclipse.lsp4j.CompletionCapabilities;
import org.eclipse.lsp4j.CompletionItemCapabilities;
import org.eclipse.lsp4j.ConfigurationParams;
import org.eclipse.lsp4j.DidChangeConfigurationCapabilities;
import org.eclipse.lsp4j.DidChangeConfigurationParams;
import org.eclipse.lsp4j.DidChangeTextDocumentParams;
import org.eclipse.lsp4j.DidCloseTextDocumentParams;
import org.eclipse.lsp4j.DidOpenTextDocumentParams;
import org.eclipse.lsp4j.DidSaveTextDocumentParams;
import org.eclipse.lsp4j.ExecuteCommandCapabilities;
import org.eclipse.lsp4j.GeneralClientCapabilities;
import org.eclipse.lsp4j.InitializeParams;
import org.eclipse.lsp4j.InitializeResult;
import org.eclipse.lsp4j.InitializedParams;
import org.eclipse.lsp4j.MessageActionItem;
import org.eclipse.lsp4j.MessageParams;
import org.eclipse.lsp4j.Position;
import org.eclipse.lsp4j.ProgressParams;
import org.eclipse.lsp4j.PublishDiagnosticsParams;
import org.eclipse.lsp4j.Range;
import org.eclipse.lsp4j.RegistrationParams;
import org.eclipse.lsp4j.ShowMessageRequestParams;
import org.eclipse.lsp4j.StaleRequestCapabilities;
import org.eclipse.lsp4j.SynchronizationCapabilities;
import org.eclipse.lsp4j.TextDocumentClientCapabilities;
import org.eclipse.lsp4j.TextDocumentContentChangeEvent;
import org.eclipse.lsp4j.TextDocumentIdentifier;
import org.eclipse.lsp4j.TextDocumentItem;
import org.eclipse.lsp4j.VersionedTextDocumentIdentifier;
import org.eclipse.lsp4j.WindowClientCapabilities;
import org.eclipse.lsp4j.WorkDoneProgressCreateParams;
import org.eclipse.lsp4j.WorkspaceClientCapabilities;
import org.eclipse.lsp4j.WorkspaceFolder;
import org.eclipse.lsp4j.jsonrpc.Launcher;
import org.eclipse.lsp4j.jsonrpc.messages.Either;
import org.eclipse.lsp4j.jsonrpc.services.JsonRequest;
import org.eclipse.lsp4j.services.LanguageClient;
import org.eclipse.lsp4j.services.LanguageServer;

/**
 * The conversation that LSP4IJ has with a language server about ghost text, without an IDE.
 *
 * <p>It is held on LSP4J, LSP4IJ's own library, so that whatever LSP4J refuses in an answer is
 * refused here too. What is said, and what becomes of an answer, follows LSP4IJ's sources:
 * LanguageServerWrapper (start), DocumentContentSynchronizer (edits), LSPInlineCompletionSupport
 * and LSPInlineCompletionProvider (questions and answers).
 *
 * <p>Arguments: the folder of the template, the folder of the project, and the server's command.
 * Ends with 0 and `passed` if every answer fitted.
 */
public final class Lsp4ijConversation implements LanguageClient {
    private static final int PATIENCE_SECONDS = 60;
    private static final int DEBOUNCE_MILLISECONDS = 300;

    /** InlineCompletionItem of LSP 3.18, as LSP4J 1.0 has it; earlier ones have none. */
    static final class Item {
        Either<String, SnippetText> insertText;
        String filterText;
        Range range;
        org.eclipse.lsp4j.Command command;
    }

    static final class SnippetText {
        String kind;
        String value;
    }

    static final class Items {
        List<Item> items;
    }

    static final class Context {
        final int triggerKind = 2; // always Automatic, also for a question by hand
    }

    static final class Question {
        final TextDocumentIdentifier textDocument;
        final Position position;
        final Context context = new Context();

        Question(String uri, Position position) {
            this.textDocument = new TextDocumentIdentifier(uri);
            this.position = position;
        }
    }

    public interface Server extends LanguageServer {
        @JsonRequest("textDocument/inlineCompletion")
        CompletableFuture<Either<List<Item>, Items>> inlineCompletion(Question question);
    }

    private final JsonObject settings;
    private volatile CountDownLatch settingsAsked = new CountDownLatch(0);
    private final List<String> popUps = new ArrayList<>();
    private Server server;
    private String uri;
    private int version;
    private final StringBuilder text = new StringBuilder();

    private Lsp4ijConversation(JsonObject settings) {
        this.settings = settings;
    }

    public static void main(String[] arguments) throws Exception {
        Path template = Path.of(arguments[0]);
        Path project = Path.of(arguments[1]);
        List<String> command = List.of(arguments).subList(2, arguments.length);
        Process process =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        var client = new Lsp4ijConversation(json(template, "settings.json"));
        var executor = Executors.newCachedThreadPool();
        var launcher =
                new Launcher.Builder<Server>()
                        .setLocalService(client)
                        .setRemoteInterface(Server.class)
                        .setInput(process.getInputStream())
                        .setOutput(process.getOutputStream())
                        .setExecutorService(executor)
                        .create();
        client.server = launcher.getRemoteProxy();
        launcher.startListening();
        client.start(project, json(template, "initializationOptions.json"));
        client.converse(project);
        await(client.server.shutdown());
        client.server.exit();
        check(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS), "the server ends");
        check(process.exitValue() == 0, "the server ends well");
        check(client.popUps.isEmpty(), "nothing pops up: " + client.popUps);
        System.out.println("passed");
        System.exit(0);
    }

    private static JsonObject json(Path folder, String name) throws Exception {
        return JsonParser.parseString(Files.readString(folder.resolve(name))).getAsJsonObject();
    }

    // -- start: LanguageServerWrapper, ClientCapabilitiesFactory --

    private void start(Path project, JsonObject options) throws Exception {
        var params = new InitializeParams();
        params.setInitializationOptions(options);
        params.setProcessId((int) ProcessHandle.current().pid());
        params.setRootUri(project.toUri().toString());
        params.setRootPath(project.toString());
        params.setCapabilities(capabilities());
        params.setClientInfo(new ClientInfo("IntelliJ IDEA", "2025.3"));
        params.setTrace("off");
        var folder = new WorkspaceFolder(project.toUri().toString(), "project");
        params.setWorkspaceFolders(List.of(folder));
        InitializeResult result = await(server.initialize(params));
        var offered = result.getCapabilities();
        check("utf-16".equals(offered.getPositionEncoding()), "positions count as IntelliJ does");
        check(offered.getCompletionProvider() == null, "no second list of suggestions");
        check(offered.getTextDocumentSync().isRight(), "edits are told one by one");
        server.initialized(new InitializedParams());
        configure();
    }

    private static ClientCapabilities capabilities() {
        var workspace = new WorkspaceClientCapabilities();
        workspace.setApplyEdit(true);
        workspace.setConfiguration(true);
        workspace.setWorkspaceFolders(true);
        workspace.setExecuteCommand(new ExecuteCommandCapabilities(true));
        workspace.setDidChangeConfiguration(new DidChangeConfigurationCapabilities(true));
        var document = new TextDocumentClientCapabilities(); // says nothing of inline completion
        document.setSynchronization(new SynchronizationCapabilities(true, true, true));
        document.setCompletion(new CompletionCapabilities(new CompletionItemCapabilities(true)));
        var window = new WindowClientCapabilities();
        window.setWorkDoneProgress(true);
        var general = new GeneralClientCapabilities();
        var stale = new StaleRequestCapabilities();
        stale.setCancel(true);
        general.setStaleRequestSupport(stale);
        general.setPositionEncodings(List.of("utf-16"));
        var all = new ClientCapabilities(workspace, document, window, null);
        all.setGeneral(general);
        return all;
    }

    private void configure() {
        server.getWorkspaceService()
                .didChangeConfiguration(new DidChangeConfigurationParams(settings));
    }

    private void configureAndWait() throws Exception {
        var asked = new CountDownLatch(1);
        settingsAsked = asked;
        configure();
        check(asked.await(PATIENCE_SECONDS, TimeUnit.SECONDS), "the server asks for settings");
        TimeUnit.MILLISECONDS.sleep(300); // the answer is on its way
    }

    /** LSP4IJ is not told when there is something to ask for; the scripted model leaves a file. */
    private static void awaitModel() throws Exception {
        var loaded = Path.of(System.getenv("SCRIPTED_LOADED"));
        for (int waited = 0; !Files.exists(loaded); waited++) {
            check(waited < 10 * PATIENCE_SECONDS, "the model gets ready");
            TimeUnit.MILLISECONDS.sleep(100);
        }
        TimeUnit.MILLISECONDS.sleep(300); // the server hears of it
    }

    // -- the conversation --

    private void converse(Path project) throws Exception {
        open(project.resolve("area.py"), "def area(width, height):\n    return \n");
        awaitModel();
        typeAndAsk("return ".length() + text.indexOf("return "), "width");
        accept(text.indexOf("width\n") + "width".length(), " * height");

        // An astral character takes two units, and IntelliJ counts as Java does.
        int start = text.indexOf("    return");
        String parrots = "    parrots = ['\uD83E\uDD9C\u00E9', width]\n";
        insert(start, parrots);
        int behind = text.indexOf("width]") + "width".length();
        check(!ask(behind).isEmpty(), "an answer behind an astral character");
        delete(start, start + parrots.length());

        // Several carets edit at once, in one notification, and each counts behind the one before.
        edit(new int[] {0, 0}, "# one\n", new int[] {"# one\n".length(), 0}, "# two\n");
        insert(text.length(), "    area(wid");
        check(!ask(text.length()).isEmpty(), "an answer after both");

        // The newest question wins; the one before is taken back and still answered.
        var first = question(text.length());
        first.cancel(true); // LSPInlineCompletionSupport.getInlineCompletions at another offset
        insert(text.length(), "th");
        check(!ask(text.length()).isEmpty(), "an answer after one that was taken back");

        settings.getAsJsonObject("tabwright").addProperty("enabled", false);
        configureAndWait();
        check(ask(text.length()).isEmpty(), "switched off");
        settings.getAsJsonObject("tabwright").remove("enabled");
        configureAndWait();
        check(!ask(text.length()).isEmpty(), "switched on");

        // A rename closes the file and opens another.
        server.getTextDocumentService()
                .didSave(new DidSaveTextDocumentParams(new TextDocumentIdentifier(uri)));
        String before = text.toString();
        close();
        open(project.resolve("surface.py"), before);
        check(!ask(text.length()).isEmpty(), "an answer in the renamed file");
        close();
    }

    /** Types letter by letter and asks as the debounced provider does: after the last key. */
    private void typeAndAsk(int offset, String letters) throws Exception {
        for (int i = 0; i < letters.length(); i++) {
            insert(offset + i, letters.substring(i, i + 1));
            if (i + 1 < letters.length()) {
                ask(offset + i + 1);
            }
        }
        TimeUnit.MILLISECONDS.sleep(DEBOUNCE_MILLISECONDS);
    }

    private void accept(int offset, String wanted) throws Exception {
        List<Item> items = ask(offset);
        check(items.size() == 1, "one suggestion, not " + items.size());
        String shown = ghost(items.get(0), offset);
        check(shown.equals(wanted), "shown is '" + shown + "'");
        insert(offset, shown); // and `command` is not run
    }

    // -- LSPInlineCompletionProvider --

    private CompletableFuture<Either<List<Item>, Items>> question(int offset) {
        return server.inlineCompletion(new Question(uri, position(offset)));
    }

    private List<Item> ask(int offset) throws Exception {
        var answer = await(question(offset));
        check(answer != null, "an answer, be it an empty one");
        List<Item> items = answer.isLeft() ? answer.getLeft() : answer.getRight().items;
        for (Item item : items) {
            check(item.insertText != null && item.insertText.isLeft(), "plain text");
            check(!item.insertText.getLeft().isBlank(), "a text that LSP4IJ does not drop");
            ghost(item, offset);
        }
        return items;
    }

    /** Returns the grey text that LSP4IJ makes of an item; a range of any length loses some. */
    private String ghost(Item item, int offset) {
        String insertText = item.insertText.getLeft();
        check(item.range != null, "a range");
        check(item.range.getStart().equals(position(offset)), "a range that starts at the cursor");
        check(item.range.getEnd().equals(position(offset)), "a range that ends at the cursor");
        return insertText;
    }

    // -- DocumentContentSynchronizer --

    private void open(Path file, String content) throws Exception {
        uri = file.toUri().toString();
        version = 1;
        text.setLength(0);
        text.append(content);
        server.getTextDocumentService()
                .didOpen(
                        new DidOpenTextDocumentParams(
                                new TextDocumentItem(uri, "python", version, content)));
        TimeUnit.MILLISECONDS.sleep(500);
    }

    private void close() {
        server.getTextDocumentService()
                .didClose(new DidCloseTextDocumentParams(new TextDocumentIdentifier(uri)));
    }

    private void insert(int offset, String inserted) {
        edit(new int[] {offset, 0}, inserted, null, null);
    }

    private void delete(int start, int end) {
        edit(new int[] {start, end - start}, "", null, null);
    }

    @SuppressWarnings("deprecation") // LSP4IJ sends rangeLength
    private TextDocumentContentChangeEvent change(int[] where, String inserted) {
        var range = new Range(position(where[0]), position(where[0] + where[1]));
        text.replace(where[0], where[0] + where[1], inserted);
        return new TextDocumentContentChangeEvent(range, where[1], inserted);
    }

    private void edit(int[] where, String inserted, int[] whereToo, String insertedToo) {
        List<TextDocumentContentChangeEvent> changes = new ArrayList<>();
        changes.add(change(where, inserted));
        if (whereToo != null) {
            changes.add(change(whereToo, insertedToo));
        }
        server.getTextDocumentService()
                .didChange(
                        new DidChangeTextDocumentParams(
                                new VersionedTextDocumentIdentifier(uri, ++version), changes));
    }

    private Position position(int offset) {
        String before = text.substring(0, offset);
        int line = (int) before.chars().filter(each -> each == '\n').count();
        return new Position(line, offset - (before.lastIndexOf('\n') + 1));
    }

    // -- LanguageClientImpl --

    @Override
    public CompletableFuture<List<Object>> configuration(ConfigurationParams params) {
        List<Object> found = new ArrayList<>();
        for (var item : params.getItems()) {
            found.add(settings.get(item.getSection()));
        }
        settingsAsked.countDown();
        return CompletableFuture.completedFuture(found);
    }

    @Override
    public CompletableFuture<Void> registerCapability(RegistrationParams params) {
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletableFuture<Void> createProgress(WorkDoneProgressCreateParams params) {
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public void notifyProgress(ProgressParams params) {}

    @Override
    public void telemetryEvent(Object object) {}

    @Override
    public void publishDiagnostics(PublishDiagnosticsParams diagnostics) {}

    @Override
    public void showMessage(MessageParams message) {
        popUps.add(message.getMessage());
    }

    @Override
    public CompletableFuture<MessageActionItem> showMessageRequest(
            ShowMessageRequestParams request) {
        popUps.add(request.getMessage());
        return CompletableFuture.completedFuture(null);
    }

    @Override
    public void logMessage(MessageParams message) {}

    // -- checks --

    private static <T> T await(CompletableFuture<T> future) throws Exception {
        return future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            System.out.println("not so: " + what);
            System.exit(1);
        }
    }
}
