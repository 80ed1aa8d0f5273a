import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.languagetool.JLanguageTool;
import org.languagetool.Languages;
import org.languagetool.rules.RuleMatch;

/** Reads texts, one a line in base 64, and writes for each the rules of LanguageTool that it breaks, with spaces between. */
public class Check {
    public static void main(String[] arguments) throws Exception {
        JLanguageTool tool = new JLanguageTool(Languages.getLanguageForShortCode("en-US"));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String text = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8);
            StringBuilder rules = new StringBuilder();
            for (RuleMatch match : tool.check(text)) {
                rules.append(match.getRule().getId()).append(' ');
            }
            System.out.println(rules.toString().trim());
        }
    }
}
