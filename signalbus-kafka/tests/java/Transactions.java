import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Writes to a topic: words that begin with "abort" in a transaction each that is aborted, words that begin with
 * "commit" in one that is committed. "open" begins one that is left open.
 * Arguments: addresses, topic, then word:count, each count as many records.
 */
class Transactions {
    public static void main(String[] arguments) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("transactional.id", "tests-" + arguments[1] + "-" + ProcessHandle.current().pid());
        settings.put("batch.size", "4096");
        KafkaProducer<String, String> producer =
            new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        for (int place = 2; place < arguments.length; place++) {
            String[] parts = arguments[place].split(":");
            producer.beginTransaction();
            for (int number = 0; number < Integer.parseInt(parts[1]); number++) {
                producer.send(new ProducerRecord<>(arguments[1], 0, "key", parts[0] + "-" + number));
            }
            producer.flush();
            if (parts[0].startsWith("commit")) {
                producer.commitTransaction();
            } else if (parts[0].startsWith("abort")) {
                producer.abortTransaction();
            }
        }
        // Without close, which would abort what is open.
        Runtime.getRuntime().halt(0);
    }
}
