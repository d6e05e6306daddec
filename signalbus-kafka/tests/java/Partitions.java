import java.util.HexFormat;
import java.util.Random;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

/** Prints keys in hexadecimal, and the partitions that the Java client gives them among 1, 3, 12 and 1000. */
class Partitions {
    public static void main(String[] arguments) {
        Random random = new Random(18);
        for (int length = 0; length < 64; length++) {
            byte[] key = new byte[length];
            random.nextBytes(key);
            print(key);
        }
        for (String key : new String[] {"ada", "tenant-7/user-42", "münchen", "\u0000", "用户"}) {
            print(key.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
    }

    static void print(byte[] key) {
        StringBuilder line = new StringBuilder(HexFormat.of().formatHex(key));
        for (int partitions : new int[] {1, 3, 12, 1000}) {
            line.append('\t').append(BuiltInPartitioner.partitionForKey(key, partitions));
        }
        System.out.println(line);
    }
}
